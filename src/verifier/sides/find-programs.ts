import { posix } from "node:path";
import { namedTest } from "./judge-names.ts";
import { languageOf } from "./languages.ts";

/** Finds the files of a tree that a command line runs or is started through. Pure. */
export const buildFiles: readonly (readonly [RegExp, RegExp])[] = [
  [/\b[gbn]?make\b/, /(^|\/)(GNUm|[Mm])akefile$/],
  [/\bjust\b/, /(^|\/)\.?[Jj]ustfile$/],
  [/\btask\b/, /(^|\/)[Tt]askfile\.ya?ml$/],
  [/\btox\b/, /(^|\/)tox\.ini$/],
  [/\b(nox)\b/, /(^|\/)noxfile\.py$/],
  [/\b(rake)\b/, /(^|\/)Rakefile$/],
  [/\b(ctest|cmake)\b/, /(^|\/)CMakeLists\.txt$/],
  [/\b(pytest|python\S*|tox|nox|poe|hatch|pdm|poetry|uv)\b/, /(^|\/)(pyproject\.toml|setup\.cfg)$/],
  [/\b(docker|compose)\b/, /(^|\/)((docker-)?compose[\w.-]*\.ya?ml|Dockerfile)$/],
];
const shells = new Set(["sh", "bash", "zsh", "dash", "ksh", "source", ".", "fish"]);
const interpreters =
  /^(node|nodejs|tsx|ts-node|jiti|bun|deno|python[\d.]*|ruby|perl|php|Rscript|lua|pwsh)$/;
const toolFolder =
  /(^|\/)(scripts?|ci|\.ci|tools?|hack|etc|\.github|devtools?|automation|make|tasks?)\//i;
const toolName =
  /(test|check|verify|lint|assert|expect|compare|validate|spec|^ci$|^ci[._-]|^run(\.|$))/i;
const loads =
  /^(-r|-f|-c|-p|-P|-I|-S|--(require|import|loader|experimental-loader|config|project|setup|test-reporter|makefile|file|rcfile|confcutdir|setupFiles\w*|globalSetup|env-file|env-file-if-exists|import-map|init-file|bootstrap|configuration|node-option|tsconfig))$/;

/** Programs whose `-f`, `-r` and `-p` mean something else. */
const asksForFiles = /^(test|\[|\[\[|head|tail|cut|sort|rm|cp|mkdir|ls|find|wc|tr|uniq|read)$/;

/** Whether a program of this name checks, rather than is checked. */
function looksLikeTool(path: string): boolean {
  return toolFolder.test(path) || toolName.test(posix.basename(path));
}

/** The files that a command line runs or loads as programs, not those it works on. */
export function findPrograms(
  text: string,
  known: ReadonlySet<string>,
  from: string | null,
): string[] {
  const language = from === null ? "shell" : languageOf(from);
  if (from !== null && (language === "js" || language === "python" || language === "ruby")) {
    return findImported(text, known, from);
  }
  const found = new Set<string>();
  for (const line of text.split(/[\n;&|()]+/)) {
    let program = "";
    let before = "";
    for (const word of line
      .slice(0, 5_000)
      .split(/[\s"'`=]+/)
      .filter((each) => each !== "")) {
      const path = posix.normalize(word.replace(/^\$\{?\w+\}?\//, ""));
      const isModule = before === "-m" && /^python/.test(program);
      const isScript = /\.(sh|bash|zsh|bats|ps1|cmd|bat|fish)$/.test(path);
      const isProgram =
        isScript ||
        shells.has(program) ||
        (loads.test(before) && !asksForFiles.test(program)) ||
        (word.includes("/") && !/\.\w+$/.test(path) && looksLikeProgram(path)) ||
        (interpreters.test(program) && looksLikeTool(path) && namedTest(path)?.kind !== "test");
      if (isProgram) for (const file of resolve(path, known)) found.add(file);
      if (isModule || before === "-p") {
        const base = word.replaceAll(".", "/");
        for (const file of [`${base}.py`, `${base}/__main__.py`, `${base}/__init__.py`]) {
          if (before === "-p" || looksLikeTool(file))
            for (const path of resolve(file, known)) found.add(path);
        }
      }
      if (!word.startsWith("-")) program = posix.basename(word);
      before = word;
    }
  }
  return [...found];
}

function looksLikeProgram(path: string): boolean {
  return (
    !/(^|\/)(bin|exe|cmd|src|lib|app)\//.test(path) ||
    toolName.test(posix.basename(path)) ||
    toolFolder.test(path)
  );
}

/** Files that a script loads; they decide as much as the script. */
function findImported(text: string, known: ReadonlySet<string>, from: string): string[] {
  const folder = posix.dirname(from);
  const found = new Set<string>();
  for (const quoted of text.match(/["'`]\.{1,2}\/[\w./@-]{1,300}["'`]/g) ?? []) {
    const path = posix.join(folder, quoted.slice(1, -1));
    if (!looksLikeTool(path) && !looksLikeTool(from)) continue;
    for (const ending of ["", ".js", ".mjs", ".cjs", ".ts", ".rb", "/index.js"]) {
      const file = path + ending;
      if (known.has(file) && posix.dirname(file) === folder) found.add(file);
    }
  }
  if (languageOf(from) === "python") {
    for (const [, dots, module] of text.matchAll(
      /^[ \t]*(?:from|import)[ \t]+(\.?)([A-Za-z_]\w{0,100})/gm,
    )) {
      const path = posix.join(folder, `${module}.py`);
      if ((dots || looksLikeTool(path)) && known.has(path)) found.add(path);
    }
  }
  return [...found];
}

/** From the root, or from any folder that the command may have changed to. */
function resolve(path: string, known: ReadonlySet<string>): string[] {
  if (known.has(path)) return [path];
  const rest = path.replace(/^(\.\.\/)+/, "");
  if (!/[./]/.test(rest)) return []; // a plain word is a program of the system
  return [...known].filter((file) => file === rest || file.endsWith(`/${rest}`)).slice(0, 50);
}
