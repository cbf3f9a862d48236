import { invariant } from "../core/base/invariant.ts";
import type { Verdict } from "../core/proof/verdict.ts";
import type { Claim, Outcome, Stage } from "../core/task/outcome.ts";
import type { Subtask, Task } from "../core/task/task.ts";
import { makeInert } from "../core/text/inert-text.ts";
import type { Redact } from "../core/text/redact.ts";
import type { Db } from "../store/database/schema.ts";
import { getSubtask, getTask, listSubtasks } from "../store/tasks/tasks.ts";
import { mergeCommits } from "../worktree/commits/merge.ts";
import { type Mirror, type Mirrors, pinRef } from "../worktree/mirror/mirror.ts";
import { isAncestor, treeOf } from "../worktree/read/read-commit.ts";

/**
 * Merges one verified commit into the task branch, and runs the gate on the merged commit before
 * the branch moves. A fast-forward needs none: the same checks have passed on the same tree. Until
 * then the branch is only a column: a red gate or a conflict leaves it untouched. `gate` is the
 * verifier, injected by the daemon.
 */
export type IntegrateDeps = {
  db: Db;
  mirrors: Mirrors;
  redact: Redact;
  gate: (
    claim: Claim,
    task: Task,
    subtask: Subtask,
    commit: string,
    signal: AbortSignal,
  ) => Promise<Verdict>;
  /** After a red gate: whether the task branch was red before this merge, and without which one not. */
  blame: (claim: Claim, task: Task, red: Verdict, signal: AbortSignal) => Promise<Outcome | null>;
};

export function makeIntegrateStage({ blame, db, gate, mirrors, redact }: IntegrateDeps): Stage {
  return async (claim, signal) => {
    invariant(claim.subtaskId, "an integration has a subtask");
    const task = await getTask(db, claim.taskId);
    const subtask = await getSubtask(db, claim.subtaskId);
    invariant(
      task?.preparation && task.headCommit && subtask?.commit,
      "what is integrated was verified",
    );
    const mirror = mirrors.at(task.preparation.mirror);
    const redone = await findRedone(db, mirror, subtask);
    if (redone) {
      const detail = `"${redone.title}", which it builds on, was taken back meanwhile`;
      return { kind: "conflicted", files: [], detail };
    }
    const merged = await mergeCommits(mirror, {
      into: task.headCommit,
      from: subtask.commit,
      message: `Merge ${subtask.key}: ${makeInert(redact(subtask.title)).replaceAll("\n", " ")}\n\nDeputy-Task: ${task.id}`,
    });
    if (merged.kind === "conflict") {
      return {
        kind: "conflicted",
        files: merged.files,
        detail: `conflict with the task branch in ${merged.files.join(", ")}`,
      };
    }
    // Pinned under its own name: a crash between the gate and the record loses nothing.
    await pinRef(mirror, `merged/${subtask.id}`, merged.commit);
    const isVerified =
      subtask.verdict?.result === "pass" &&
      (await isSameTree(mirror, merged.commit, subtask.commit));
    const verdict = isVerified ? null : await gate(claim, task, subtask, merged.commit, signal);
    if (verdict && verdict.result !== "pass") {
      const blamed = await blame(claim, task, verdict, signal);
      return blamed ?? { kind: "gate_failed", verdict };
    }
    await pinRef(mirror, `tasks/${task.id}`, merged.commit);
    return { kind: "integrated", commit: merged.commit, verdict };
  };
}

async function isSameTree(mirror: Mirror, one: string, other: string): Promise<boolean> {
  return one === other || (await treeOf(mirror, one)) === (await treeOf(mirror, other));
}

/** A dependency that is not in the subtask's base as it is now: it was taken back since. */
async function findRedone(db: Db, mirror: Mirror, subtask: Subtask): Promise<Subtask | null> {
  const { baseCommit, dependsOn, taskId } = subtask;
  for (const one of await listSubtasks(db, taskId)) {
    if (baseCommit === null || !dependsOn.includes(one.key) || one.state === "superseded") continue;
    const { integratedCommit } = one;
    if (integratedCommit === null || !(await isAncestor(mirror, integratedCommit, baseCommit)))
      return one;
  }
  return null;
}
