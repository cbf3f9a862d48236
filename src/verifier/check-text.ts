import { DeputyError } from "../core/error.ts";
import type { Mirror } from "../worktree/open-mirror.ts";
import { listFilesAt, readFileAt } from "../worktree/read-commit.ts";
import { findDeciding } from "./deciding-files.ts";
import type { CheckText, TreeReader } from "./runners/runner.ts";

/** Reads a commit as the runners look at it: its files, and where a check's command leads in it. */
export async function openTree(mirror: Mirror, commit: string): Promise<TreeReader> {
  return {
    files: await listFilesAt(mirror, commit),
    read: (path) => readText(mirror, commit, path),
  };
}

/** The text of a file at a commit; null where there is none, or one that is too large to be read. */
export function readText(mirror: Mirror, commit: string, path: string): Promise<string | null> {
  return readFileAt(mirror, commit, path).catch(asNoFile);
}

/** The command with the text of every script, makefile and task that it leads to in this tree. */
export async function readCheckText(tree: TreeReader, command: string): Promise<CheckText> {
  const { texts } = await findDeciding([command], tree.files, tree.read);
  return { command, texts };
}

/** A file that is too large to be read is as good as none. */
function asNoFile(error: unknown): null {
  if (error instanceof DeputyError) return null;
  throw error;
}
