/**
 * A sparse worktree holds a few folders of a huge repository, and the files directly in the folders
 * above them (git's cone mode). Commits, merges and deliveries are of the whole tree all the same.
 */
export type Sparse = {
  /** Paths from the root, none inside another one. */
  folders: readonly string[];
  /** The commit that work is compared with: what a worktree's commit changed since is in it, too. */
  base: string;
};

/** How the worktrees of a task are sparse; null: they hold everything. */
export function sparseOf(
  preparation: { baseCommit: string; sparse?: readonly string[] } | null,
): Sparse | null {
  if (!preparation?.sparse?.length) return null;
  return { folders: preparation.sparse, base: preparation.baseCommit };
}

/** Whether a file is in one of these folders, or directly in one above them. */
export function isInPart(folders: readonly string[], path: string): boolean {
  const around = path.slice(0, path.lastIndexOf("/") + 1);
  const holds = (folder: string) =>
    path.startsWith(`${folder}/`) || `${folder}/`.startsWith(around);
  return around === "" || folders.some(holds);
}

/** What an agent in a sparse worktree has to know of it; empty for another one. */
export function tellSparse(sparse: Sparse | null): string {
  if (sparse === null) return "";
  return `This worktree is sparse. Of the repository's folders it holds ${sparse.folders.join(", ")}, with the files beside and above them, and what the work changed elsewhere. All else is in git alone: read it with \`git show HEAD:PATH\`, list it with \`git ls-tree -r --name-only HEAD PATH/\`, search it with \`git grep WORDS HEAD -- PATH\`. What is not here does not count as deleted. A file that is written elsewhere is part of the change, whole; \`git status\` does not show it where it replaces one that is not here. Where git "could not fetch" an object "from promisor remote", this machine does not have that file's text: work without it, and say so in your report if you cannot.`;
}
