import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { listFilesAt, noneIfTooLarge, readFileAt } from "../../worktree/read/read-commit.ts";

/** A commit's files, with texts read on demand. */
export type Tree = {
  files: readonly string[];
  /** Null when the file does not exist or is too large to read. */
  read(path: string): Promise<string | null>;
};

export async function openTree(mirror: Mirror, commit: string): Promise<Tree> {
  return {
    files: await listFilesAt(mirror, commit),
    read: (path) => readText(mirror, commit, path),
  };
}

/** The text of a file at a commit; null when it does not exist or is too large to read. */
export function readText(mirror: Mirror, commit: string, path: string): Promise<string | null> {
  return readFileAt(mirror, commit, path).catch(noneIfTooLarge);
}
