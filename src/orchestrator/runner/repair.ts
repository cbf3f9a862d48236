import type { Hold } from "../../core/task/hold.ts";
import type { Claim, StageName } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { json } from "../../store/database/open.ts";
import type { Tx } from "../../store/database/schema.ts";
import { getLatestAttempt } from "../../store/tasks/attempts.ts";
import { subtaskStateOf, taskStatesOf } from "../../store/tasks/claims.ts";
import {
  appendEvent,
  inTransition,
  lockTask,
  lockTaskRow,
  moveSubtask,
  moveTask,
  wakeStage,
} from "../../store/tasks/transition.ts";
import { findUnsoundHolds, type UnsoundHold } from "../../store/tasks/unsound-holds.ts";
import { askForApproval, writeApproval } from "../questions/approval-question.ts";
import { askAboutPlan, findProposedPlan } from "../questions/ask-about-plan.ts";
import { type AdvanceDeps, advance } from "../transitions/advance.ts";
import { endAttempt, endingOf, lostAttempt } from "../transitions/end-attempt.ts";
import { settle } from "../transitions/settle.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";

/**
 * Repairs what the reconciler found. A lease whose owner is dead ends as lost, as if its owner had
 * reported that. A hold that is unsound in itself is our bug: the row's hold is reset to what its
 * state requires, and the event says what was wrong.
 */
export type LostLease = { claim: Claim; owner: string };

export async function releaseLostLease(
  deps: AdvanceDeps,
  lost: LostLease,
  detail: string,
): Promise<"applied" | "stale"> {
  return advance(deps, lost.owner, lost.claim, { kind: "lost", detail });
}

/** Repair a hold other than a lease (a lease is released), unless it is sound again. */
export async function repairHold(deps: AdvanceDeps, unsound: UnsoundHold): Promise<void> {
  const { taskId, subtaskId, kind } = unsound;
  await inTransition(deps.db, async (tx) => {
    const locked = await lockTask(tx, taskId);
    if (!locked || kind === "lease") return;
    const current = (await findUnsoundHolds(tx)).find(
      (hold) => hold.taskId === taskId && hold.subtaskId === subtaskId,
    );
    if (current?.kind !== kind) return;
    const subtask = locked.subtasks.find(({ id }) => id === subtaskId) ?? null;
    await reportRepair(tx, current, subtask?.hold ?? locked.task.hold);
    if (subtask) await repairSubtask(tx, locked.task, subtask);
    else await repairTask(tx, deps, locked.task, locked.subtasks);
    await settle(tx, taskId, deps.announce);
  });
}

/** Release a lease that is no longer renewed, and report it. */
export async function releaseExpiredLease(
  deps: AdvanceDeps,
  lost: LostLease,
  unsound: UnsoundHold,
): Promise<void> {
  if ((await releaseLostLease(deps, lost, unsound.problem)) === "stale") return;
  await inTransition(deps.db, async (tx) => {
    await lockTaskRow(tx, unsound.taskId);
    await reportRepair(tx, unsound, null);
  });
}

async function reportRepair(tx: Tx, unsound: UnsoundHold, hold: Hold | null): Promise<void> {
  const { taskId, subtaskId, problem } = unsound;
  await appendEvent(tx, taskId, {
    type: "hold.repaired",
    message: `An unsound hold was repaired: ${problem}`,
    data: { problem, hold },
    subtaskId,
  });
}

async function repairSubtask(tx: Tx, task: Task, subtask: Subtask): Promise<void> {
  if (subtask.state === "running") {
    // Running without a lease means that nothing is working on it.
    const lost = lostAttempt("no process was working on it");
    const attempt = await getLatestAttempt(tx, subtask.id);
    await endAttempt(tx, task, subtask, { attemptId: attempt?.id ?? null }, lost);
    const ending = json(endingOf(lost));
    await moveSubtask(tx, subtask, "recovering", waitForSlot("recover"), { ending });
    await wakeStage(tx, "recover", task.id, subtask.id);
    return;
  }
  // Its question is gone or answered: the next attempt has the answers, or asks again.
  const before = subtask.ending?.what === "unaffordable" ? "verifying" : "ready";
  const state = subtask.state === "waiting" ? before : subtask.state;
  const stage = stageOf(subtaskStateOf, state);
  if (!stage) return; // blocked: settling sets its hold
  await moveSubtask(tx, subtask, state, waitForSlot(stage));
  await wakeStage(tx, stage, task.id, subtask.id);
}

async function repairTask(
  tx: Tx,
  { announce }: AdvanceDeps,
  task: Task,
  subtasks: readonly Subtask[],
): Promise<void> {
  const stage = stageOf(taskStatesOf, task.state);
  if (stage) {
    await moveTask(tx, task, task.state, waitForSlot(stage));
    await wakeStage(tx, stage, task.id, null);
    return;
  }
  if (task.state !== "waiting" || subtasks.length > 0) return; // settling sets its hold
  // Nothing may run without approval, so the question is asked again.
  const proposed = await findProposedPlan(tx, task.id);
  if (proposed?.plan) return askAboutPlan(tx, announce, task, proposed.plan);
  const ask = "The question about this task was lost. May it run?";
  await askForApproval(tx, announce, task, writeApproval(ask, task));
}

function stageOf(
  table: Readonly<Record<string, string | readonly string[]>>,
  state: string,
): StageName | undefined {
  const row = Object.entries(table).find(([, states]) => [states].flat().includes(state));
  return row?.[0] as StageName | undefined;
}
