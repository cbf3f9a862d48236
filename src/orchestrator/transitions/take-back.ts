import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { acceptanceCheck } from "../../core/proof/verdict.ts";
import type { Decision } from "../../core/task/failure.ts";
import type { Outcome } from "../../core/task/outcome.ts";
import { buildsOn } from "../../core/task/plan.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { restarted } from "../commands/rework.ts";
import type { Announce } from "./announce.ts";

/**
 * Rolls the task branch back to a tip without the merge that turned a check red. Its subtask is worked
 * on again, with the evidence and with that check as its own; what was built on it waits for it and is
 * worked on again after it. A task that was being delivered runs again. False, and nothing written, if
 * the branch has moved meanwhile. The caller settles the task.
 */
export async function takeBack(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  subtasks: readonly Subtask[],
  blamed: Extract<Outcome, { kind: "blamed" }>,
): Promise<boolean> {
  const { check, consumerIds, detail, evidence, from, subtaskId, to } = blamed;
  const culprit = subtasks.find(({ id, state }) => id === subtaskId && state === "completed");
  if (task.headCommit !== from || !culprit) return false;
  const has = culprit.checks.some(({ command }) => command === check);
  const checks = has ? culprit.checks : [...culprit.checks, acceptanceCheck(check, "plan")];
  await reopen(ledger, culprit, detail, { feedback: evidence, checks });
  const consumers = subtasks.filter(
    ({ id, state }) => consumerIds.includes(id) && state === "completed",
  );
  for (const consumer of consumers) {
    // What the culprit builds on was changed once more after it, on the same lines: it goes first.
    const isBefore = buildsOn(culprit, consumer, subtasks);
    const why = isBefore
      ? "which changes the same lines and is done again after it"
      : "which it builds on and which is done again now";
    const feedback = `Your part was merged, and taken back together with "${culprit.title}", ${why}. What it was is not in the files any more.`;
    const dependsOn = isBefore
      ? consumer.dependsOn
      : [...new Set([...consumer.dependsOn, culprit.key])];
    await reopen(ledger, consumer, detail, { feedback, dependsOn });
    await ledger.appendEvent(task.id, {
      type: "subtask.retried",
      message: `"${consumer.title}" is worked on again ${isBefore ? "before" : "after"} "${culprit.title}", which ${isBefore ? "builds on it" : "it builds on"}`,
      data: { key: consumer.key },
      subtaskId: consumer.id,
    });
  }
  const set = { headCommit: to, takenBack: task.takenBack + 1, stageFailures: 0, postponed: 0 };
  if (task.state === "delivering") {
    const on = { kind: "dependency", on: [culprit.id], reason: detail } as const;
    await ledger.moveTask(task, "running", on, set);
  } else await ledger.moveTask(task, task.state, task.hold, set);
  const also =
    consumers.length === 0
      ? ""
      : `, and with it what builds on it: ${consumers.map(({ title }) => `"${title}"`).join(", ")}`;
  await announce(ledger, task, {
    type: "subtask.blamed",
    message: `Took "${culprit.title}" back${also}, because ${detail} (\`${check}\`)`,
    data: { key: culprit.key, check, from, to, consumers: consumers.map(({ key }) => key) },
    subtaskId: culprit.id,
  });
  return true;
}

async function reopen(
  ledger: TaskLedger,
  subtask: Subtask,
  reason: string,
  set: Partial<Pick<Subtask, "feedback" | "checks" | "dependsOn">>,
): Promise<void> {
  const latest = await ledger.getLatestAttempt(subtask.id);
  const next = (latest?.number ?? 0) + 1;
  // The record's account of that attempt; counting starts with the next one.
  const decision: Decision = {
    ...{ action: "retry", rung: "fresh", kind: "integration_red", signature: "", delayMs: 0 },
    reason: `taken back, because ${reason}; attempt ${next} starts without it`,
  };
  await ledger.setOnAttempt(latest?.id ?? null, { decision });
  const on = { kind: "dependency", on: [subtask.id], reason } as const;
  const cleared = { integratedCommit: null, verdict: null, gateVerdict: null, ending: null };
  await ledger.moveSubtask(subtask, "blocked", on, { ...restarted(next), ...cleared, ...set });
  await ledger.reopenMessages(subtask.id);
}
