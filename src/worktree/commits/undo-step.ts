import type { Mirror } from "../mirror/open-mirror.ts";
import { treeOf } from "../read/read-commit.ts";
import { commitTree } from "./commit-tree.ts";
import { mergeCommits } from "./merge.ts";

/**
 * Takes one step of a branch back by a new commit on its tip, as `git revert -m 1` does: the step
 * stays in the history, so that work that began on it can still be merged. `step` and its first
 * parent are the trees before and after. A conflict leaves the names of the files that later steps
 * changed as well. No ref moves.
 */
export async function undoStep(
  mirror: Mirror,
  { message, step, tip }: { tip: string; step: string; message: string },
): Promise<{ kind: "undone"; commit: string } | { kind: "conflict"; files: string[] }> {
  const before = await treeOf(mirror, `${step}^1`);
  // Its only parent is the step, which is so the base of the merge.
  const opposite = await commitTree(mirror, before, [step], message);
  const merged = await mergeCommits(mirror, { into: tip, from: opposite, message });
  if (merged.kind === "conflict") return merged;
  const tree = await treeOf(mirror, merged.commit);
  return { kind: "undone", commit: await commitTree(mirror, tree, [tip], message) };
}
