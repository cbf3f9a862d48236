import { posix } from "node:path";
import type { Tree } from "../change/tree.ts";
import { buildFiles, findPrograms } from "./find-programs.ts";
import { isInstalled, type Named, namedDeciding, namedTest } from "./judge-names.ts";
import { isDocumentation, languageOf } from "./languages.ts";
import { findNamedData } from "./named-data.ts";
import { findScriptNames, type Manifest, readManifests, runsScripts } from "./package-scripts.ts";
import { isPartial } from "./parts/partial-files.ts";

/**
 * Follows the check commands into what they run: package.json scripts, shell scripts, Makefiles and
 * their includes, configuration and the files that it names. A change to one of these changes what
 * a check means. It finds too much rather than too little: a word in a command that is also a
 * script's name counts as used. Pure except for `read`.
 */
export type Led = {
  /** The commands and the text of everything they lead to; tools are recognized in it. */
  texts: string;
  /** Names of the package.json scripts in use, with their pre and post hooks. */
  scripts: ReadonlySet<string>;
  /** Files that the commands run or that configure them, and why. */
  files: ReadonlyMap<string, Named>;
  /** Data that only a command itself reads: the subject of the check, not its reference. */
  lookedAt: ReadonlySet<string>;
};

const maxTexts = 400;
const maxLength = 100_000;
const maxConfigurations = 60;

type Step = { text: string; path: string | null };

/** Finds what decides how `commands` run in a tree. Shipped files are products and not followed. */
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
  /** Reads the deciding part of a manifest. */
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

/** Makefiles, task files and CMake files that another one includes. */
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

/** Files of the repository that a configuration loads or reads. */
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
