import { posix } from "node:path";
import type { Tree } from "../change/tree.ts";
import { isInstalled, isTestFile } from "../tests/test-names.ts";
import type { CanaryInput } from "./runner.ts";

/**
 * Finds places for canaries among JavaScript tests: the files that hold a runner's tests, their
 * module style, and a name for a new file that the same pattern finds.
 */
export type TestFile = { path: string; text: string; style: "esm" | "cjs" };

const code = /\.[cm]?[jt]sx?$/;
const maxRead = 60;
const maxLength = 400_000;

/**
 * Finds up to `count` files that hold tests of a runner, the most telling first. When the command
 * names its files, only these run. When the base run named its files, only these run, and new ones
 * with the same folder and ending.
 */
export async function findTestFiles(
  input: CanaryInput,
  holds: (text: string, path: string) => boolean,
  count: number,
): Promise<TestFile[]> {
  const known = new Set(input.files);
  const ran = input.tests?.files ?? [];
  const named = input.files.filter((path) => code.test(path) && namesFile(input.about.texts, path));
  const others = input.files.filter((path) => isTestFile(path) && !isInstalled(path));
  const ending = (path: string) => nameParts(path).rest;
  const isLikeRan = (path: string) =>
    ran.some(
      (other) => posix.dirname(other) === posix.dirname(path) && ending(other) === ending(path),
    );
  const likely = input.prefer.filter(
    (path) => ran.length === 0 || ran.includes(path) || isLikeRan(path),
  );
  const runnable = [...likely, ...(ran.length > 0 ? ran : others)];
  const there = runnable.filter((path) => known.has(path));
  const namedFirst = [...input.prefer.filter((path) => named.includes(path)), ...named];
  const candidates = new Set(
    named.some(isTestFile) ? namedFirst : there.length > 0 ? there : others,
  );
  const found: TestFile[] = [];
  let read = 0;
  for (const path of candidates) {
    if (found.length >= count || read >= maxRead) break;
    if (!known.has(path) || !code.test(path) || path.endsWith(".d.ts")) continue;
    read++;
    const text = await input.read(path);
    if (text === null || text.length > maxLength || !holds(text, path)) continue;
    found.push({ path, text, style: await findStyle(path, text, input) });
  }
  return found;
}

/** Whether a command names exactly this file. */
export function namesFile(texts: string, path: string): boolean {
  const at = texts.indexOf(path);
  if (at < 0) return false;
  const before = texts[at - 1] ?? " ";
  return !/[\w*-]/.test(before) && !/[\w*-]/.test(texts[at + path.length] ?? " ");
}

/** CommonJS or ESM, by the ending, the text or the nearest manifest. */
async function findStyle(path: string, text: string, tree: Tree): Promise<"esm" | "cjs"> {
  if (/\.m[jt]s$/.test(path)) return "esm";
  if (/\.c[jt]s$/.test(path)) return "cjs";
  if (/^[ \t]*(?:import\s*[\w{*"']|export\s)/m.test(text)) return "esm";
  if (/(?<![\w.])require\s*\(/.test(text)) return "cjs";
  for (let folder = posix.dirname(path); ; folder = posix.dirname(folder)) {
    const manifest = await tree.read(posix.join(folder, "package.json"));
    if (manifest !== null) return /"type"\s*:\s*"module"/.test(manifest) ? "esm" : "cjs";
    if (folder === "." || folder === "/") return "cjs";
  }
}

/** Makes a name next to `path` that the pattern matching `path` matches too. */
export function nameBeside(path: string, token: string): string {
  const { stem, rest } = nameParts(path);
  const isBare = /^(?:tests?|specs?|index)$/.test(stem) && /^\.[cm]?[jt]sx?$/.test(rest);
  const made = isBare ? `${token}.${stem}${rest}` : `${stem}-${token}${rest}`;
  return posix.join(posix.dirname(path), made);
}

/** Splits a test file's name into its stem and the ending that makes it a test. */
function nameParts(path: string): { stem: string; rest: string } {
  const [, stem = "", rest = ""] =
    /^(.*?)((?:[._-](?:test|tests|spec|specs|cy|e2e)|(?<=[a-z0-9])(?:Test|Spec))?(?:\.d)?\.[cm]?[jt]sx?)$/.exec(
      posix.basename(path),
    ) ?? [];
  return { stem, rest };
}

/** A word that the command's filter by test names requires; empty without a filter. */
export function wordOfFilter(texts: string): string {
  const found =
    /(?:--test-name-pattern|--testNamePattern|--grep|--fgrep|(?<=\b(?:jest|vitest|mocha)\b[^\n;&|]{0,200}\s)-[tgf])[=\s]+(?:"([^"\n]{1,100})"|'([^'\n]{1,100})'|([\w.:-]{1,100}))/.exec(
      texts,
    );
  const word = found?.[1] ?? found?.[2] ?? found?.[3] ?? "";
  const plain = word.replace(/^\^|\$$|^\/|\/$/g, "");
  return /^[\w .:-]+$/.test(plain) ? `${plain} ` : "";
}

/** Appends lines to a file, whatever it ends with. */
export function append(text: string, lines: readonly string[]): string {
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}\n${lines.join("\n")}\n`;
}
