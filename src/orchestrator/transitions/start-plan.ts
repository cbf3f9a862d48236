import { newId } from "../../core/base/id.ts";
import { invariant } from "../../core/base/invariant.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { acceptanceCheck } from "../../core/proof/verdict.ts";
import type { Hold } from "../../core/task/hold.ts";
import type { Plan } from "../../core/task/plan.ts";
import type { Preparation, Task } from "../../core/task/task.ts";
import type { Announce } from "./announce.ts";
import { describeOpen } from "./settle.ts";

/** Turns an accepted plan into the task's subtasks; settling starts what may start. */
export async function startPlan(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  preparation: Preparation,
  plan: Plan,
  prepared: string | null = null,
): Promise<void> {
  const ids = plan.subtasks.map(() => newId("subtask"));
  const inserts = plan.subtasks.map((subtask, position) => {
    const id = ids[position];
    invariant(id, "one id per subtask");
    const checks = subtask.checks.map((command) => acceptanceCheck(command, "plan"));
    return ledger.insertSubtask({ ...subtask, id, taskId: task.id, position, depth: 0, checks });
  });
  const hold: Hold = {
    kind: "dependency",
    on: ids,
    reason: describeOpen(ids.length, ids.length),
  };
  const set = {
    preparation: preparation,
    headCommit: preparation.baseCommit,
    delivery: task.delivery === "auto" ? (preparation.delivery ?? "branch") : task.delivery,
    stageFailures: 0,
  };
  await Promise.all([...inserts, ledger.moveTask(task, "running", hold, set)]);
  await announce(ledger, task, {
    type: "task.planned",
    message: describePlan(task, preparation, plan, prepared),
    data: {
      ...planData(plan),
      base_commit: preparation.baseCommit,
      base_ref: preparation.baseRef,
      checks: preparation.checks.map(({ command, kind, source }) => ({ command, kind, source })),
      setup: preparation.setup,
      services: (preparation.services ?? []).map(({ name, run }) => ({ name, run })),
      notes: preparation.notes ?? [],
    },
  });
}

/** A plan as event data: who made it, why, and at what cost. */
export function planData({ mode, why, planner, subtasks }: Plan): Record<string, unknown> {
  return {
    mode,
    why,
    planner: planner && {
      agent: planner.agent,
      reason: planner.reason,
      problem: planner.problem,
      duration_ms: planner.durationMs,
      models: planner.models,
      calls: planner.calls,
      input_tokens: planner.inputTokens,
      output_tokens: planner.outputTokens,
      cost_usd: planner.costUsd,
    },
    subtasks: subtasks.map(({ key, title, dependsOn, kind }) => ({
      key,
      title,
      depends_on: dependsOn,
      kind,
    })),
  };
}

function describePlan(
  task: Task,
  { baseCommit, baseRef, checks, notes = [], services = [], setup }: Preparation,
  plan: Plan,
  prepared: string | null,
): string {
  if (!task.expectsChange) return `Plan: read ${baseCommit.slice(0, 10)}, run nothing of it`;
  const count = plan.subtasks.length;
  const subtasks = count === 1 ? "one subtask" : `${count} subtasks`;
  const shape = {
    direct: `direct, one subtask (${plan.why})`,
    given: `${count} subtasks`,
    planned: `${subtasks}, planned by ${plan.planner?.agent} (${plan.why})`,
  }[plan.mode];
  const judges = checks.map(({ command, source }) => `\`${command}\` (${source})`).join(", ");
  const before =
    setup.length === 0
      ? ""
      : `; setup: ${setup.map((command) => `\`${command}\``).join(", ")}${prepared === null ? "" : ` (${prepared})`}`;
  const names = services.map(({ name }) => `\`${name}\``).join(", ");
  const beside = names === "" ? "" : `, beside services: ${names}`;
  return `Plan: ${shape}, from ${baseRef} at ${baseCommit.slice(0, 10)}${before}; checks: ${judges || "none, so nothing will be verified"}${beside}${notes.map((note) => ` · ${note}`).join("")}`;
}
