import { posix } from "node:path";
import type { Tree } from "../change/tree.ts";
import { isInstalled } from "./judge-names.ts";

/**
 * Finds the package.json scripts that a command runs. It finds too much rather than too little: a
 * word in a command that is also a script's name counts as used. Pure except for `read`.
 */
export const runsScripts =
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
export type Manifest = ReadonlyMap<string, string>;

/** Reads the scripts of up to 50 package.json files, the shortest paths first. */
export async function readManifests(tree: Tree): Promise<Manifest[]> {
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
    return new Map(); // not JSON, so npm runs no script of it
  }
}

export function findScriptNames(text: string, manifests: readonly Manifest[]): string[] {
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
  // A used script that the tree lacks counts as well, because its absence decides too.
  const ran = /\b(?:run|run-script|--run)\s+([\w:.-]+)|\bnpm\s+(test)\b/.exec(text);
  for (const name of [ran?.[1], ran?.[2]]) if (name) names.add(name);
  if (installs.test(text)) for (const name of lifecycle) names.add(name);
  return [...names].flatMap((name) => [`pre${name}`, name, `post${name}`]);
}
