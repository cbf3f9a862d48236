import { readdir } from "node:fs/promises";
import type { TestResults } from "../../core/proof/verdict.ts";
import { withFolder } from "../../sandbox/files/open-folder.ts";
import { readContainedFile, removeContained } from "../../worktree/git/contain-path.ts";
import { mergeResults } from "../parsers/merge-results.ts";
import { maxParsedLength } from "../parsers/test-list.ts";
import { parseTestResults } from "../tests/parse-test-results.ts";
import type { Naming } from "./runner.ts";

/**
 * Reads the reports that a run wrote, from the report folder and the worktree, and removes older
 * ones from the worktree. Both hold untrusted files: no link is followed, and the number and size
 * of the files are limited.
 */
export type ReportFolders = { folder: string; worktree: string };

const maxFiles = 5_000;
const maxEntries = 100_000;
const maxDepth = 20;
const ignored = new Set([".git", "node_modules", ".venv"]);

/** Returns the run's results from its reports, or null without any. `output` is what it printed. */
export async function readReports(
  naming: Naming,
  { folder, worktree }: ReportFolders,
  output: string,
): Promise<TestResults | null> {
  const ours = new Set(naming.files.map(({ name }) => name));
  const found: { name: string; text: string }[] = [];
  let left = maxParsedLength;
  const take = async (root: string, patterns: readonly string[]) => {
    for (const name of await findMatching(root, patterns)) {
      if (left <= 0 || (root === folder && ours.has(name))) continue;
      const text = await readText(root, name, left);
      left -= text.length;
      found.push({ name, text: text.replaceAll(`${worktree}/`, "") });
    }
  };
  await take(folder, naming.reports);
  await take(worktree, naming.treeReports ?? []);
  if (found.length === 0) return null;
  if (naming.read) return naming.read(found, output);
  const lists = found.map(({ text }) => parseTestResults(text, worktree, left <= 0));
  return mergeResults(lists.filter((list) => list !== null));
}

/** Deletes what the commit or an earlier run left where a runner writes its reports. */
export async function clearTreeReports(naming: Naming, worktree: string): Promise<void> {
  for (const path of await findMatching(worktree, naming.treeReports ?? [])) {
    try {
      await removeContained(worktree, path);
    } catch {
      // It leads out of the worktree: nothing of it is deleted here or read later.
    }
  }
}

async function readText(root: string, path: string, maxBytes: number): Promise<string> {
  try {
    return (await readContainedFile(root, path, maxBytes))?.toString("utf8") ?? "";
  } catch {
    return ""; // not a regular file inside the folder
  }
}

/** Paths below `root` that match one of the patterns, sorted by name. */
async function findMatching(root: string, patterns: readonly string[]): Promise<string[]> {
  if (patterns.length === 0) return [];
  const split = patterns.map((pattern) => pattern.split("/"));
  const found: string[] = [];
  let entries = 0;
  const walk = async (path: readonly string[]): Promise<void> => {
    if (path.length > maxDepth || entries > maxEntries || found.length >= maxFiles) return;
    for (const { name, isFolder, isFile } of await list(root, path.join("/"))) {
      if (++entries > maxEntries || found.length >= maxFiles) return;
      const inner = [...path, name];
      if (isFile && split.some((parts) => matches(parts, inner))) found.push(inner.join("/"));
      if (isFolder && !ignored.has(name) && split.some((parts) => mayLead(parts, inner))) {
        await walk(inner);
      }
    }
  };
  await walk([]);
  return found;
}

async function list(root: string, path: string) {
  try {
    const entries = await withFolder(root, path, (inside) =>
      readdir(inside.path, { withFileTypes: true }),
    );
    return entries
      .map((entry) => ({
        name: entry.name.toString(),
        isFolder: entry.isDirectory(),
        isFile: entry.isFile(),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return []; // the run removed it or made it unreadable
  }
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first === "**") {
    return matches(rest, path) || (path.length > 0 && matches(pattern, path.slice(1)));
  }
  const [name, ...inner] = path;
  return name !== undefined && matchesName(first, name) && matches(rest, inner);
}

/** Whether anything below this folder may match. */
function mayLead(pattern: readonly string[], folder: readonly string[]): boolean {
  for (const [index, name] of folder.entries()) {
    const part = pattern[index];
    if (part === "**") return true;
    if (part === undefined || !matchesName(part, name)) return false;
  }
  return folder.length < pattern.length;
}

/** Matches a pattern with at most one `*`. */
function matchesName(pattern: string, name: string): boolean {
  const at = pattern.indexOf("*");
  if (at < 0) return pattern === name;
  const [before, after] = [pattern.slice(0, at), pattern.slice(at + 1)];
  return (
    name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)
  );
}
