import type { Verdict } from "../../core/proof/verdict.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import { listSubtasks } from "../../store/tasks/tasks.ts";
import { mergeCommits } from "../../worktree/commits/merge.ts";
import { pinRef } from "../../worktree/mirror/mirror.ts";
import { blame } from "./blame.ts";
import { findSame, type GateDeps, listReds } from "./gate-whole.ts";

/**
 * After a red verdict on an attempt: it is at fault, unless the commit that it started from is red in
 * the same way without its changes, though the task's base is not. Then an earlier merge is, and is
 * taken back; and once the tip of the task branch is green the work goes on from there. Null: the
 * attempt is at fault, or nothing certain can be said.
 */
export async function blameStart(
  deps: GateDeps,
  claim: Claim,
  task: Task,
  subtask: Subtask,
  verdict: Verdict,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const { headCommit: head, preparation } = task;
  const { baseCommit: start, commit } = subtask;
  const reds = listReds(verdict);
  if (!preparation || head === null || start === null || commit === null) return null;
  if (reds.length === 0 || start === preparation.baseCommit) return null;
  // A merge with the base as it is now: the attempt is there to mend what it is red with.
  if (start === preparation.update?.head) return null;
  const find = (at: string, name: string) =>
    findSame(deps, claim, task, { commit: at, reds, name }, signal);
  const red = await find(start, "start");
  if (!red) return null;
  const still = head === start ? red : await find(head, "tip");
  if (still) {
    const subtasks = await listSubtasks(deps.db, task.id);
    return blame(deps, claim, { task, subtasks, red: still, others: [] }, signal);
  }
  const mirror = deps.mirrors.at(preparation.mirror);
  const message = `Move ${makeInert(subtask.key)}\n\nDeputy-Task: ${task.id}`;
  const moved = await mergeCommits(mirror, { into: head, from: commit, message });
  if (moved.kind === "conflict") {
    const detail = `conflict with the task branch in ${moved.files.join(", ")}`;
    return { kind: "conflicted", files: moved.files, detail };
  }
  await pinRef(mirror, `merged/${subtask.id}`, moved.commit);
  const detail = `what it started from is red without its changes: ${red.reason} (\`${red.check.command}\`)`;
  return { kind: "moved", to: head, commit: moved.commit, detail };
}
