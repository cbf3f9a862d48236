import { posix } from "node:path";
import { isTestFile } from "./test-names.ts";

/**
 * Follows the check commands into what they run on the base commit: the package.json scripts, the
 * shell scripts, the Makefile behind them. Whoever changes one of those changes what the check
 * means. It over-reaches rather than misses: a name in a command that is also a script's name
 * counts as used.
 */
export type Deciding = {
  /** The commands and the text of everything they lead to; tools are recognised in it. */
  texts: string;
  /** Names of package.json scripts that are used, hooks before and after them included. */
  scripts: ReadonlySet<string>;
  /** Files that the commands run. */
  files: ReadonlySet<string>;
};

const runsScripts =
  /\b(npm|pnpm|yarn|bun|turbo|nx|lerna|wireit|concurrently|run-s|run-p|npm-run-all2?)\b|--run\b/;
const installs = /\b(npm|pnpm|yarn|bun)\b.*\b(i|ci|install|add)\b|\byarn\s*($|[;&|])/m;
const lifecycle = ["preinstall", "install", "postinstall", "prepublish", "prepare"];
const buildFiles: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\bg?make\b/, ["Makefile", "makefile", "GNUmakefile"]],
  [/\bjust\b/, ["justfile", "Justfile", ".justfile"]],
  [/\btask\b/, ["Taskfile.yml", "Taskfile.yaml"]],
  [/\btox\b/, ["tox.ini"]],
];
const maxTexts = 500;
const maxScriptLength = 200_000;

/** Find what decides how `commands` run. `files` and `read` are of the base commit. */
export async function findDeciding(
  commands: readonly string[],
  files: readonly string[],
  read: (path: string) => Promise<string | null>,
): Promise<Deciding> {
  const known = new Set(files);
  let manifests: Manifest[] | null = null;
  const scripts = new Set<string>();
  const used = new Set<string>();
  const texts: string[] = [];
  const queue = [...commands];
  const addFile = async (path: string) => {
    if (used.has(path)) return;
    used.add(path);
    const text = await read(path);
    if (text !== null) queue.push(text.slice(0, maxScriptLength));
  };
  for (let text = queue.shift(); text !== undefined; text = queue.shift()) {
    if (texts.length >= maxTexts) break;
    texts.push(text);
    if (runsScripts.test(text)) manifests ??= await readManifests(files, read);
    for (const name of findScriptNames(text, manifests ?? [])) {
      if (scripts.has(name)) continue;
      scripts.add(name);
      queue.push(...(manifests ?? []).flatMap((manifest) => manifest.get(name) ?? []));
    }
    for (const path of findScriptFiles(text, known)) await addFile(path);
    for (const [tool, names] of buildFiles) {
      if (!tool.test(text)) continue;
      for (const name of names) if (known.has(name)) await addFile(name);
    }
  }
  return { texts: texts.join("\n"), scripts, files: used };
}

type Manifest = ReadonlyMap<string, string>;

/** The scripts of the root's package.json, and of its workspaces' where there are not too many. */
async function readManifests(
  files: readonly string[],
  read: (path: string) => Promise<string | null>,
): Promise<Manifest[]> {
  const paths = files
    .filter((path) => posix.basename(path) === "package.json" && !path.includes("node_modules/"))
    .sort((a, b) => a.length - b.length)
    .slice(0, 50);
  const manifests: Manifest[] = [];
  for (const path of paths) {
    const scripts = readScripts(await read(path));
    if (scripts.size > 0) manifests.push(scripts);
  }
  return manifests;
}

function readScripts(text: string | null): Manifest {
  try {
    const { scripts } = JSON.parse(text ?? "{}") as { scripts?: unknown };
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
  const names = new Set<string>();
  for (const name of manifests.flatMap((manifest) => [...manifest.keys()])) {
    if (words.some((word) => word === name || matchesGlob(word, name))) names.add(name);
  }
  // A used script that the base lacks decides as well: its absence is what the base says.
  const ran = /\b(?:run|run-script|--run)\s+([\w:.-]+)|\bnpm\s+(test)\b/.exec(text);
  for (const name of [ran?.[1], ran?.[2]]) if (name) names.add(name);
  if (installs.test(text)) for (const name of lifecycle) names.add(name);
  return [...names].flatMap((name) => [`pre${name}`, name, `post${name}`]);
}

function matchesGlob(word: string, name: string): boolean {
  return word.endsWith("*") && word.length > 2 && name.startsWith(word.replace(/\*+$/, ""));
}

const shells = new Set(["sh", "bash", "zsh", "dash", "ksh", "source", "."]);
const interpreters = /^(node|nodejs|tsx|ts-node|jiti|bun|deno|python[\d.]*|ruby|perl|php|Rscript)$/;
const looksLikeTool =
  /(^|\/)(scripts?|bin|ci|\.ci|tools?|hack|build)\/|[^/]*(test|check|verify|lint|run)[^/]*$/i;

const loads = /^(-r|--(require|import|loader|experimental-loader|config|project))$/;

/** The files that a command line starts as programs or loads into them, not those it works on. */
function findScriptFiles(text: string, known: ReadonlySet<string>): string[] {
  const found: string[] = [];
  for (const line of text.split(/[\n;&|()]+/)) {
    let program = "";
    let before = "";
    for (const word of line.split(/[\s"'`=]+/).filter((each) => each !== "")) {
      const path = posix.normalize(word);
      const isProgram =
        /\.(sh|bash|zsh|bats|ps1|cmd)$/.test(path) ||
        shells.has(program) ||
        loads.test(before) ||
        (word.includes("/") && !/\.\w+$/.test(path)) ||
        (interpreters.test(program) && looksLikeTool.test(path) && !isTestFile(path));
      if (isProgram) found.push(...resolve(path, known));
      if (!word.startsWith("-")) program = posix.basename(word);
      before = word;
    }
  }
  return found;
}

/** From the root; or from whichever folder the command may have gone to. */
function resolve(path: string, known: ReadonlySet<string>): string[] {
  if (known.has(path)) return [path];
  const rest = path.replace(/^(\.\.\/)+/, "");
  if (!/[./]/.test(rest)) return []; // a plain word is a program of the system
  return [...known].filter((file) => file === rest || file.endsWith(`/${rest}`));
}
