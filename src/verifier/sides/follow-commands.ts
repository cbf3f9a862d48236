import { posix } from "node:path";
import { isInstalled, type Named, namedDeciding, namedTest } from "./judge-names.ts";
import { isDocumentation, languageOf } from "./languages.ts";
import { findNamedData } from "./named-data.ts";
import { isPartial } from "./partial-files.ts";

/**
 * Follows the check commands into what they run: package.json scripts, shell scripts, Makefiles and
 * what those include, configuration and the files that it names. Whoever changes one of those changes
 * what a check means. It over-reaches rather than misses: a name in a command that is also a script's
 * name counts as used. Pure but for `read`.
 */
export type Led = {
  /** The commands and the text of everything they lead to; tools are recognised in it. */
  texts: string;
  /** Names of package.json scripts that are used, hooks before and after them included. */
  scripts: ReadonlySet<string>;
  /** Files that the commands run or that tell how, and why. */
  files: ReadonlyMap<string, Named>;
  /** Data that a command itself looks at and nothing else: what it measures, not what it measures with. */
  lookedAt: ReadonlySet<string>;
};

export type Tree = {
  files: readonly string[];
  read(path: string): Promise<string | null>;
};

const runsScripts =
  /\b(npm|pnpm|yarn|bun|turbo|nx|lerna|wireit|concurrently|run-s|run-p|npm-run-all2?)\b|--run\b/;
const installs = /\b(npm|pnpm|yarn|bun)\b.*\b(i|ci|install|add)\b|\byarn\s*($|[;&|])/m;
const lifecycle = [
  "preinstall",
  "install",
  "postinstall",
  "prepublish",
  "preprepare",
  "prepare",
  "postprepare",
  "dependencies",
];
const buildFiles: readonly (readonly [RegExp, RegExp])[] = [
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
const maxTexts = 400;
const maxLength = 100_000;
const maxConfigurations = 60;

type Step = { text: string; path: string | null };

/** Find what decides how `commands` run in a tree. What is shipped is a product and not followed. */
export async function followCommands(
  commands: readonly string[],
  tree: Tree,
  shipped: ReadonlySet<string>,
): Promise<Led> {
  const known = new Set(tree.files);
  let manifests: Manifest[] | null = null;
  const scripts = new Set<string>();
  const files = new Map<string, Named>();
  const lookedAt = new Set<string>();
  const texts: string[] = [];
  const queue: Step[] = commands.map((text) => ({ text, path: null }));
  const add = async (path: string, named: Named) => {
    if (files.has(path) || shipped.has(path) || isInstalled(path)) return;
    files.set(path, named);
    const text = await tree.read(path);
    if (text !== null) queue.push({ text: text.slice(0, maxLength), path });
  };
  const readQueue = async () => {
    for (let step = queue.shift(); step && texts.length < maxTexts; step = queue.shift()) {
      const { text, path } = step;
      texts.push(text);
      if (runsScripts.test(text)) manifests ??= await readManifests(tree);
      for (const name of findScriptNames(text, manifests ?? [])) {
        if (scripts.has(name)) continue;
        scripts.add(name);
        for (const manifest of manifests ?? []) {
          const script = manifest.get(name);
          if (script !== undefined) queue.push({ text: script, path: null });
        }
      }
      const from =
        path === null ? "a check runs it" : `\`${path}\` leads to it, which a check runs`;
      for (const found of findPrograms(text, known, path))
        await add(found, { kind: "runner", why: from });
      for (const found of findIncluded(text, known, path))
        await add(found, { kind: "runner", why: from });
      const data = findNamedData(text, known, path);
      for (const found of data.lookedAt) lookedAt.add(found);
      for (const found of data.named) {
        if (!files.has(found))
          files.set(found, {
            kind: "fixture",
            why: path === null ? "a check names it" : `\`${path}\` names it`,
          });
      }
      for (const [tool, name] of buildFiles) {
        if (!tool.test(text)) continue;
        for (const file of tree.files.filter((each) => name.test(each)).slice(0, 20)) {
          if (isPartial(file)) await readAlong(file);
          else await add(file, { kind: "runner", why: "the checks are started through it" });
        }
      }
    }
  };
  const along = new Set<string>();
  /** Read what a manifest says, of which only a part decides. */
  const readAlong = async (path: string) => {
    if (along.has(path)) return;
    along.add(path);
    const text = await tree.read(path);
    if (text !== null) texts.push(decidingPart(text).slice(0, maxLength));
  };
  await readQueue();
  const joined = () => texts.join("\n");
  let configurations = 0;
  for (const path of tree.files) {
    const named = namedDeciding(path, joined());
    if (!named || named.kind === "dependencies" || configurations >= maxConfigurations) continue;
    configurations++;
    const text = (await tree.read(path))?.slice(0, maxLength);
    if (text === undefined || named.kind !== "configuration") continue;
    for (const found of findNamedFiles(text, known, path)) {
      await add(found, { kind: "configuration", why: `\`${path}\` names it` });
    }
  }
  await readQueue();
  return { texts: joined(), scripts, files, lookedAt };
}

function decidingPart(text: string): string {
  return text
    .split("\n")
    .filter((line) =>
      /pytest|tox|nox|poe|test|script|cmd|command|run|add_/i.test(line.slice(0, 500)),
    )
    .join("\n");
}

type Manifest = ReadonlyMap<string, string>;

/** The scripts of the root's package.json, and of its workspaces' where there are not too many. */
async function readManifests(tree: Tree): Promise<Manifest[]> {
  const paths = tree.files
    .filter((path) => posix.basename(path) === "package.json" && !isInstalled(path))
    .sort((a, b) => a.length - b.length)
    .slice(0, 50);
  const manifests: Manifest[] = [];
  for (const path of paths) {
    const scripts = readScripts(await tree.read(path));
    if (scripts.size > 0) manifests.push(scripts);
  }
  return manifests;
}

function readScripts(text: string | null): Manifest {
  try {
    const { scripts } = JSON.parse((text ?? "{}").replace(/^\ufeff/, "")) as { scripts?: unknown };
    if (typeof scripts !== "object" || scripts === null) return new Map();
    return new Map(
      Object.entries(scripts).filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      ),
    );
  } catch {
    return new Map(); // not JSON: npm runs no script of it either
  }
}

function findScriptNames(text: string, manifests: readonly Manifest[]): string[] {
  if (!runsScripts.test(text)) return [];
  const words = text.split(/[\s"'`;&|()=,]+/).map((word) => word.replace(/^npm:/, ""));
  if (words.includes("t") || words.includes("tst")) words.push("test");
  const used = new Set(words);
  const globs = words.filter((word) => word.endsWith("*") && word.length > 2).slice(0, 50);
  const names = new Set<string>();
  for (const name of manifests.flatMap((manifest) => [...manifest.keys()])) {
    if (used.has(name) || globs.some((glob) => name.startsWith(glob.replace(/\*+$/, ""))))
      names.add(name);
  }
  // A used script that the tree lacks decides as well: its absence is what the tree says.
  const ran = /\b(?:run|run-script|--run)\s+([\w:.-]+)|\bnpm\s+(test)\b/.exec(text);
  for (const name of [ran?.[1], ran?.[2]]) if (name) names.add(name);
  if (installs.test(text)) for (const name of lifecycle) names.add(name);
  return [...names].flatMap((name) => [`pre${name}`, name, `post${name}`]);
}

const shells = new Set(["sh", "bash", "zsh", "dash", "ksh", "source", ".", "fish"]);
const interpreters =
  /^(node|nodejs|tsx|ts-node|jiti|bun|deno|python[\d.]*|ruby|perl|php|Rscript|lua|pwsh)$/;
const toolFolder =
  /(^|\/)(scripts?|ci|\.ci|tools?|hack|etc|\.github|devtools?|automation|make|tasks?)\//i;
const toolName =
  /(test|check|verify|lint|assert|expect|compare|validate|spec|^ci$|^ci[._-]|^run(\.|$))/i;
const loads =
  /^(-r|-f|-c|-p|-P|-I|-S|--(require|import|loader|experimental-loader|config|project|setup|test-reporter|makefile|file|rcfile|confcutdir|setupFiles\w*|globalSetup|env-file|env-file-if-exists|import-map|init-file|bootstrap|configuration|node-option|tsconfig))$/;

/** Whether a program of this name is there to check, rather than to be checked. */
function looksLikeTool(path: string): boolean {
  return toolFolder.test(path) || toolName.test(posix.basename(path));
}

/** The files that a command line starts as programs or loads into them, not those it works on. */
function findPrograms(text: string, known: ReadonlySet<string>, from: string | null): string[] {
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
        loads.test(before) ||
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

/** Files that a script loads: it decides no less than the script. */
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

/** Makefiles, task files and CMake files that another one takes in. */
function findIncluded(text: string, known: ReadonlySet<string>, from: string | null): string[] {
  if (from === null) return [];
  const found = new Set<string>();
  const folder = posix.dirname(from);
  for (const line of text.split("\n")) {
    const include =
      /^\s*(?:[-s]?include|import|mod\??|!include|taskfile:|include:|env_file:|dotenv:|-)\s+(.+)$/.exec(
        line.slice(0, 1_000),
      ) ?? /^\s*include\s*\(\s*([^)\s]+)/i.exec(line.slice(0, 1_000));
    for (const raw of include?.[1]?.split(/[\s"',[\]]+/) ?? []) {
      const word = raw.replace(/^\$[({]\w+[)}]\//, "");
      if (word === "") continue;
      if (word.includes("*")) {
        const [start = "", end = ""] = posix.join(folder, word).split("*");
        for (const file of known) if (file.startsWith(start) && file.endsWith(end)) found.add(file);
        continue;
      }
      for (const path of [posix.join(folder, word), posix.join(folder, `${word}.cmake`)]) {
        if (known.has(path)) found.add(path);
      }
    }
  }
  return [...found].filter((path) => namedTest(path)?.kind !== "test").slice(0, 100);
}

const loadingKey =
  /setup|require|import|loader|plugin|transform|reporter|environment|resolver|serializ|teardown|hook|init|bootstrap|runner|preset|extends|spec|helper|addopts|polyfill|before|after/i;

/** Files of the repository that a configuration names to be loaded, or read. */
function findNamedFiles(text: string, known: ReadonlySet<string>, from: string): string[] {
  const found = new Set<string>();
  const folder = posix.dirname(from);
  let key = "";
  for (const line of text.split("\n")) {
    key = /^\s*["']?([\w.-]{1,100})["']?\s*[:=]/.exec(line.slice(0, 300))?.[1] ?? key;
    const isLoaded =
      loadingKey.test(key) ||
      /\b(import|require|from)\b/.test(line.slice(0, 300)) ||
      loadingKey.test(line.slice(0, 300));
    for (const word of line.slice(0, 2_000).split(/[\s"'`=,;()[\]{}]+/)) {
      if (!/^(<rootDir>\/)?[\w@.][\w@./-]*$/.test(word) || word.length > 300) continue;
      const path = posix.join(folder, word.replace(/^<rootDir>\//, ""));
      const endings =
        word.includes("/") || word.includes(".")
          ? ["", ".js", ".ts", ".mjs", ".cjs", ".py", ".rb", "/index.js", "/index.ts"]
          : /plugins|-p\b/.test(line)
            ? [".py"]
            : [];
      for (const ending of endings) {
        const file = path + ending;
        if (known.has(file) && (isLoaded || languageOf(file) === null)) found.add(file);
      }
      if (/plugins|-p\b/.test(line)) {
        const module = posix.join(folder, `${word.replaceAll(".", "/")}.py`);
        if (known.has(module)) found.add(module);
      }
    }
  }
  return [...found].filter((path) => !isPartial(path) && !isDocumentation(path));
}

/** From the root; or from whichever folder the command may have gone to. */
function resolve(path: string, known: ReadonlySet<string>): string[] {
  if (known.has(path)) return [path];
  const rest = path.replace(/^(\.\.\/)+/, "");
  if (!/[./]/.test(rest)) return []; // a plain word is a program of the system
  return [...known].filter((file) => file === rest || file.endsWith(`/${rest}`)).slice(0, 50);
}
