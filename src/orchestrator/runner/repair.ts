import type { TaskLedger, UnsoundHold } from "../../core/ledger/task-ledger.ts";
import type { Hold } from "../../core/task/hold.ts";
import type { Claim, StageName } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { subtaskStateOf, taskStatesOf } from "../../store/tasks/claims.ts";
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
  await deps.transact(async (ledger) => {
    const locked = await ledger.lockTask(taskId);
    if (!locked || kind === "lease") return;
    const current = (await ledger.findUnsoundHolds()).find(
      (hold) => hold.taskId === taskId && hold.subtaskId === subtaskId,
    );
    if (current?.kind !== kind) return;
    const subtask = locked.subtasks.find(({ id }) => id === subtaskId) ?? null;
    await reportRepair(ledger, current, subtask?.hold ?? locked.task.hold);
    if (subtask) await repairSubtask(ledger, locked.task, subtask);
    else await repairTask(ledger, deps, locked.task, locked.subtasks);
    await settle(ledger, taskId, deps.announce);
  });
}

/** Release a lease that is no longer renewed, and report it. */
export async function releaseExpiredLease(
  deps: AdvanceDeps,
  lost: LostLease,
  unsound: UnsoundHold,
): Promise<void> {
  if ((await releaseLostLease(deps, lost, unsound.problem)) === "stale") return;
  await deps.transact(async (ledger) => {
    await ledger.lockTaskRow(unsound.taskId);
    await reportRepair(ledger, unsound, null);
  });
}

async function reportRepair(
  ledger: TaskLedger,
  unsound: UnsoundHold,
  hold: Hold | null,
): Promise<void> {
  const { taskId, subtaskId, problem } = unsound;
  await ledger.appendEvent(taskId, {
    type: "hold.repaired",
    message: `An unsound hold was repaired: ${problem}`,
    data: { problem, hold },
    subtaskId,
  });
}

async function repairSubtask(ledger: TaskLedger, task: Task, subtask: Subtask): Promise<void> {
  if (subtask.state === "running") {
    // Running without a lease means that nothing is working on it.
    const lost = lostAttempt("no process was working on it");
    const attempt = await ledger.getLatestAttempt(subtask.id);
    await endAttempt(ledger, task, subtask, { attemptId: attempt?.id ?? null }, lost);
    const ending = endingOf(lost);
    await ledger.moveSubtask(subtask, "recovering", waitForSlot("recover"), { ending });
    await ledger.wakeStage("recover", task.id, subtask.id);
    return;
  }
  // Its question is gone or answered: the next attempt has the answers, or asks again.
  const before = subtask.ending?.what === "unaffordable" ? "verifying" : "ready";
  const state = subtask.state === "waiting" ? before : subtask.state;
  const stage = stageOf(subtaskStateOf, state);
  if (!stage) return; // blocked: settling sets its hold
  await ledger.moveSubtask(subtask, state, waitForSlot(stage));
  await ledger.wakeStage(stage, task.id, subtask.id);
}

async function repairTask(
  ledger: TaskLedger,
  { announce }: AdvanceDeps,
  task: Task,
  subtasks: readonly Subtask[],
): Promise<void> {
  const stage = stageOf(taskStatesOf, task.state);
  if (stage) {
    await ledger.moveTask(task, task.state, waitForSlot(stage));
    await ledger.wakeStage(stage, task.id, null);
    return;
  }
  if (task.state !== "waiting" || subtasks.length > 0) return; // settling sets its hold
  // Nothing may run without approval, so the question is asked again.
  const proposed = await findProposedPlan(ledger, task.id);
  if (proposed?.plan) return askAboutPlan(ledger, announce, task, proposed.plan);
  const ask = "The question about this task was lost. May it run?";
  await askForApproval(ledger, announce, task, writeApproval(ask, task));
}

function stageOf(
  table: Readonly<Record<string, string | readonly string[]>>,
  state: string,
): StageName | undefined {
  const row = Object.entries(table).find(([, states]) => [states].flat().includes(state));
  return row?.[0] as StageName | undefined;
}
