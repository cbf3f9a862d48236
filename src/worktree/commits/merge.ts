import { GitFailure } from "../git/git-failure.ts";
import { fetchForMerge } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { findMergeBase } from "../read/read-commit.ts";
import { commitTree } from "./commit-tree.ts";

/**
 * Merges two commits in the mirror without a worktree: git computes the merged tree in its object
 * database, and a conflict leaves the names of the files, and a tree with both sides in them.
 */
export type Merge =
  | { kind: "merged"; commit: string; fastForward: boolean }
  /** `tree` holds both sides between conflict markers, which name the two commits. */
  | { kind: "conflict"; files: string[]; tree: string };

/** Merge `from` into `into`. No ref moves; the caller keeps the commit with `pinRef`. */
export async function mergeCommits(
  mirror: Mirror,
  { into, from, message }: { into: string; from: string; message: string },
): Promise<Merge> {
  const common = await findMergeBase(mirror, into, from);
  if (common === from) return { kind: "merged", commit: into, fastForward: true };
  if (common === into) return { kind: "merged", commit: from, fastForward: true };
  if (common !== null) await fetchForMerge(mirror, common, into, from);
  const args = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", into, from];
  const { exitCode, stdout, stderr } = await openMirror(mirror).ask(args);
  const [tree = "", ...files] = stdout.toString("utf8").split("\0").filter(Boolean);
  if (exitCode === 1) return { kind: "conflict", files: [...new Set(files)].sort(), tree };
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  return {
    kind: "merged",
    commit: await commitTree(mirror, tree, [into, from], message),
    fastForward: false,
  };
}
