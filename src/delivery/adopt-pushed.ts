import { DeputyError } from "../core/base/error.ts";
import type { Task } from "../core/task/task.ts";
import { mergeCommits } from "../worktree/commits/merge.ts";
import { ensureMirror, type Mirrors, pinRef } from "../worktree/mirror/mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { branchTip } from "../worktree/publish/publish.ts";
import { isAncestor, treeOf } from "../worktree/read/read-commit.ts";

/** Where the mirror keeps what people pushed on top of a delivery. */
export function pushedRef({ id }: Pick<Task, "id">): string {
  return `pushed/${id}`;
}

/**
 * What people pushed to a delivered branch is built upon: before delivered work is reworked, their
 * commits become the head of the task branch, so that attempts start from them and the checks run
 * on both. Returns that head, fetched and pinned; null: nobody pushed.
 * @throws DeputyError where the branch was rewritten, or does not go with unfinished work.
 */
export async function adoptPushed(
  { authHeader, mirrors }: { mirrors: Mirrors; authHeader: AuthHeader },
  task: Task,
): Promise<string | null> {
  const { branch, deliveredCommit, headCommit, id, preparation } = task;
  if (!branch || !deliveredCommit || !headCommit || !preparation || task.discardedAt) return null;
  const repository = parseRepository(task.repository);
  const header = await authHeader(repository.url);
  const auth = header ? { authHeader: header } : {};
  const tip = await branchTip(repository, branch, auth);
  if (tip === null || tip === deliveredCommit || tip === headCommit) return null;
  const mirror = await ensureMirror(mirrors, repository, { ...auth, want: tip });
  await pinRef(mirror, pushedRef(task), tip);
  const refuse = (why: string) =>
    new DeputyError(
      "conflict",
      `${branch} was moved to ${tip.slice(0, 10)} since ${id} delivered ${deliveredCommit.slice(0, 10)}, and ${why}: move it back, or submit a new task with --base ${branch}.`,
    );
  if (!(await isAncestor(mirror, deliveredCommit, tip)))
    throw refuse("no longer holds what was delivered");
  // The delivered commits may be dressed ones: what was pushed is built on those.
  const [delivered, head] = await Promise.all(
    [deliveredCommit, headCommit].map((commit) => treeOf(mirror, commit)),
  );
  const merged = await mergeCommits(mirror, {
    into: tip,
    from: delivered === head ? deliveredCommit : headCommit,
    message: `Merge what was pushed to ${branch}\n\nDeputy-Task: ${id}`,
  });
  if (merged.kind === "conflict")
    throw refuse(`conflicts with the work since in ${merged.files.join(", ")}`);
  await pinRef(mirror, `tasks/${id}`, merged.commit);
  return merged.commit;
}
