import { DeputyError } from "../core/error.ts";
import { newId } from "../core/id.ts";
import { invariant } from "../core/invariant.ts";
import type { DeliveryMode, Task, TaskInput, TaskOrigin } from "../core/task.ts";
import {
  createTask,
  findActiveTask,
  findIdempotencyKey,
  type NewTask,
} from "../store/create-task.ts";
import type { Db } from "../store/schema.ts";
import { getTask } from "../store/tasks.ts";
import type { Announce } from "./announce.ts";
import { checkPlan, parsePlanYaml } from "./parse-plan.ts";

/**
 * TaskInput → Task. Everything that can be refused is refused here, before a row exists: the plan,
 * the agent's name, and, through `checkRepository`, a repository that is not there. What costs time
 * (fetching, reading configuration) belongs to the plan stage.
 */
export type IntakeRules = {
  db: Db;
  announce: Announce;
  defaultAgent: () => string;
  /** Throws a DeputyError for what is no usable repository; returns its canonical form. */
  checkRepository: (repository: string, base: string | null) => Promise<string>;
};

export type IntakeRequest = {
  input: TaskInput;
  origin: TaskOrigin;
  idempotency: { key: string; bodyHash: string } | null;
  /** A review reads and delivers words; only triggers ask for one. */
  recipe: "change" | "review";
  /** The question to ask a person before anything runs, or null. */
  approval: string | null;
};

const defaultTimeoutMinutes = 60;

export async function acceptTask(
  rules: IntakeRules,
  request: IntakeRequest,
): Promise<{ task: Task; created: boolean }> {
  const { input, origin, idempotency } = request;
  if (idempotency) {
    const known = await findTaskByKey(rules.db, idempotency);
    if (known) return { task: known, created: false };
  }
  if (input.plan && input.plan_yaml !== undefined) {
    throw new DeputyError("invalid_input", "Give either plan or plan_yaml, not both.", {
      field: "plan_yaml",
    });
  }
  const planInput =
    input.plan_yaml === undefined ? (input.plan ?? null) : parsePlanYaml(input.plan_yaml);
  if (input.plan) checkPlan(input.plan);
  const everySubtaskHasAgent = planInput?.subtasks.every((subtask) => subtask.agent) ?? false;
  const repository = await rules.checkRepository(input.repository, input.base ?? null);
  const delivery: DeliveryMode =
    request.recipe === "review" ? "comment" : (input.deliver ?? "auto");
  const task = {
    id: newId("task"),
    goal: input.goal.trim(),
    repository,
    base: input.base ?? null,
    agent:
      input.agent ??
      (everySubtaskHasAgent ? (planInput?.subtasks[0]?.agent ?? "") : rules.defaultAgent()),
    checks: input.checks ?? [],
    planInput,
    attachments: input.attachments ?? [],
    delivery,
    expectsChange: request.recipe === "change",
    allowTestChanges: input.allow_test_changes ?? false,
    attemptTimeoutMs: Math.round((input.timeout_minutes ?? defaultTimeoutMinutes) * 60_000),
    origin,
  };
  const result = await insertTask(rules, task, request);
  switch (result) {
    case "created": {
      const created = await getTask(rules.db, task.id);
      invariant(created, "a task that was created can be read");
      return { task: created, created: true };
    }
    case "key_taken": {
      invariant(idempotency, "only a key can be taken");
      const known = await findTaskByKey(rules.db, idempotency);
      invariant(known, "a taken key belongs to a task");
      return { task: known, created: false };
    }
    case "subject_busy": {
      const active = origin.subject ? await findActiveTask(rules.db, origin.subject) : null;
      throw new DeputyError(
        "conflict",
        `${origin.subject} already has an active task${active ? `, ${active}` : ""}; wait for it or cancel it.`,
      );
    }
  }
}

/** One statement; with an approval, its question is announced in the same transaction. */
async function insertTask(
  rules: IntakeRules,
  task: NewTask,
  { approval, idempotency }: IntakeRequest,
): ReturnType<typeof createTask> {
  const message = `Task accepted: ${firstLine(task.goal)}`;
  if (!approval) return createTask(rules.db, task, { message, idempotency, approval: null });
  const question = { questionId: newId("question"), text: approval };
  return rules.db.transaction().execute(async (tx) => {
    const result = await createTask(tx, task, { message, idempotency, approval: question });
    const created = result === "created" ? await getTask(tx, task.id) : null;
    if (created) {
      await rules.announce(tx, created, {
        type: "question.asked",
        message: `Question: ${approval}`,
        data: { question_id: question.questionId, question: approval },
      });
    }
    return result;
  });
}

async function findTaskByKey(
  db: Db,
  idempotency: { key: string; bodyHash: string },
): Promise<Task | null> {
  const known = await findIdempotencyKey(db, idempotency.key);
  if (!known) return null;
  if (known.bodyHash !== idempotency.bodyHash) {
    throw new DeputyError(
      "conflict",
      `The Idempotency-Key was used for another request, which became ${known.taskId}; use a new key for a new task.`,
      { field: "Idempotency-Key" },
    );
  }
  return getTask(db, known.taskId);
}

export function firstLine(text: string, max = 100): string {
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}
