import { newId } from "../../core/base/id.ts";
import type { Budget, Spent } from "../../core/budget/budget.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { acceptanceCheck } from "../../core/proof/verdict.ts";
import type { Plan } from "../../core/task/plan.ts";
import type { Attempt, Subtask, Task } from "../../core/task/task.ts";
import type { Announce } from "./announce.ts";
import { freeKey, revisePlan, revisionCaps } from "./revise-plan.ts";

/**
 * Revises a running plan in the transaction that causes the revision: what an agent learned and
 * asked for, once its own work is merged, or the plan of a part that was left to be planned. Each
 * revision is an event and a row of the record.
 */
export async function reviseAfter(
  ledger: TaskLedger,
  task: Task,
  subtasks: readonly Subtask[],
  from: Subtask,
  attempt: Pick<Attempt, "discoveries" | "followUps">,
): Promise<void> {
  const { discoveries, followUps } = attempt;
  if (discoveries.length === 0 && followUps.length === 0) return;
  const share =
    task.budget && followUps.length > 0
      ? shareOf(task.budget, await ledger.readSpent(task.id))
      : null;
  const revision = revisePlan(subtasks, from, attempt, {
    ...revisionCaps,
    budgetShare: share,
    closed: whyClosed(task),
  });
  const { added, changed, diff, refused } = revision;
  for (const [index, subtask] of added.entries()) {
    const position = nextPosition(subtasks) + index;
    await ledger.insertSubtask({
      ...subtask,
      id: newId("subtask"),
      taskId: task.id,
      position,
      checks: [],
    });
  }
  for (const { id, brief } of changed) {
    const node = subtasks.find((subtask) => subtask.id === id);
    if (node) await ledger.moveSubtask(node, node.state, node.hold, { brief });
  }
  const reason = `"${from.key}" ${[
    ...(added.length > 0 ? ["asked for more work"] : []),
    ...(changed.length > 0 ? ["made discoveries that other subtasks build on"] : []),
  ].join(" and ")}`;
  await record(ledger, task, from, { reason, diff, refused });
}

/** Replaces a subtask by the parts of its own plan; its dependents now wait for the last parts. */
export async function replaceByPlan(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  subtasks: readonly Subtask[],
  parent: Subtask,
  plan: Plan,
): Promise<void> {
  const isReplan = parent.kind === "replan";
  const taken = new Set(subtasks.map(({ key }) => key));
  const keys = new Map<string, string>();
  for (const { key } of plan.subtasks) {
    const own = freeKey(`${parent.key}-${key}`, taken);
    taken.add(own);
    keys.set(key, own);
  }
  const keyOf = (key: string) => keys.get(key) ?? key;
  const parts = plan.subtasks.map(() => newId("subtask"));
  for (const [index, subtask] of plan.subtasks.entries()) {
    const dependsOn = subtask.dependsOn.map(keyOf);
    await ledger.insertSubtask({
      ...subtask,
      id: parts[index] ?? newId("subtask"),
      taskId: task.id,
      key: keyOf(subtask.key),
      // The parent's dependencies are merged; keeping them here shows the order to people.
      dependsOn: dependsOn.length > 0 ? dependsOn : parent.dependsOn,
      position: nextPosition(subtasks) + index,
      depth: parent.depth,
      lineage: isReplan ? (parent.lineage ?? parent.id) : parent.lineage,
      replans: parent.replans + (isReplan ? 1 : 0),
      checks: subtask.checks.map((command) => acceptanceCheck(command, "plan")),
    });
  }
  await ledger.handDownMessages(parent.id, parts);
  const inner = new Set(plan.subtasks.flatMap(({ dependsOn }) => dependsOn));
  const last = plan.subtasks.filter(({ key }) => !inner.has(key)).map(({ key }) => keyOf(key));
  const waiting = subtasks.filter(({ dependsOn }) => dependsOn.includes(parent.key));
  for (const node of waiting) {
    const dependsOn = node.dependsOn.flatMap((key) => (key === parent.key ? last : [key]));
    await ledger.moveSubtask(node, node.state, node.hold, { dependsOn });
  }
  await ledger.moveSubtask(parent, "superseded", null, { feedback: null, stageFailures: 0 });
  const why = plan.planner?.reason ? `: ${plan.planner.reason}` : "";
  await record(ledger, task, parent, {
    reason: `"${parent.key}" was planned${isReplan ? " anew, because its attempts failed" : ""}${why}`,
    diff: [
      `- ${parent.key}: ${parent.title}`,
      ...plan.subtasks.map(({ key, title }) => `+ ${keyOf(key)}: ${title}`),
      ...waiting.map(({ key }) => `~ ${key}: now after ${last.join(", ")}`),
    ],
    refused: [],
    ...(isReplan && { plan, announce }),
  });
}

type Revised = {
  reason: string;
  diff: string[];
  refused: string[];
  /** What was planned anew: no later planner of this task repeats it. */
  plan?: Plan;
  /** A person is told of it at once. */
  announce?: Announce;
};

async function record(
  ledger: TaskLedger,
  task: Task,
  from: Subtask,
  { announce, diff, plan, reason, refused }: Revised,
): Promise<void> {
  if (diff.length + refused.length === 0) return;
  await ledger.insertPlan({
    taskId: task.id,
    subtaskId: from.id,
    state: "revision",
    plan: plan ?? null,
    reason: diff.length > 0 ? reason : `"${from.key}" asked for work that was refused`,
    diff,
    refused,
  });
  const about = { subtaskId: from.id, data: { key: from.key, reason, diff, refused } };
  if (diff.length > 0) {
    const message = `Plan revised: ${reason} (${diff.join("; ")})`;
    const event = { ...about, type: "plan.revised", message } as const;
    if (announce) await announce(ledger, task, event);
    else await ledger.appendEvent(task.id, event);
  }
  if (refused.length > 0) {
    const message = `Not added to the plan: ${refused.join("; ")}`;
    await ledger.appendEvent(task.id, { ...about, type: "plan.revision_refused", message });
  }
}

/** Why agents may not add to this task; null: they may. */
function whyClosed(task: Task): string | null {
  if (!task.expectsChange) return "a review changes nothing";
  if (task.approval === "plan") return "a person approved the plan as it is";
  return null;
}

/** The largest used fraction of any cap. */
function shareOf(budget: Budget, spent: Spent): number {
  const shares = (["usd", "tokens", "turns", "minutes"] as const).flatMap((cap) => {
    const limit = budget[cap];
    return limit === undefined ? [] : [spent[cap] / limit];
  });
  return Math.max(0, ...shares);
}

function nextPosition(subtasks: readonly Subtask[]): number {
  return Math.max(-1, ...subtasks.map(({ position }) => position)) + 1;
}
