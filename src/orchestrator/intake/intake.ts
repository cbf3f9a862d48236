import { isAbsolute } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { gather } from "../../core/base/gather.ts";
import { newId } from "../../core/base/id.ts";
import { invariant } from "../../core/base/invariant.ts";
import type { Budget } from "../../core/budget/budget.ts";
import type { DeliveryMode, Task, TaskInput, TaskOrigin, WhenStuck } from "../../core/task/task.ts";
import { titleOf } from "../../core/text/title.ts";
import type { Db, Tx } from "../../store/database/schema.ts";
import {
  type Creation,
  createTasks,
  findIdempotencyKey,
  isDataError,
  isSubjectBusy,
  type NewTask,
} from "../../store/tasks/create-task.ts";
import { makeLedger } from "../../store/tasks/ledger.ts";
import { findActiveTask, getTask } from "../../store/tasks/tasks.ts";
import { inTransition } from "../../store/tasks/transition.ts";
import { announceApproval, writeApproval } from "../questions/approval-question.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import type { Announce } from "../transitions/announce.ts";
import { checkPlan, parsePlanYaml } from "./parse-plan.ts";

/**
 * TaskInput → Task. Everything refusable is refused here, before a row exists: the plan, the
 * agent's name, a pull request that could not be opened and, through `checkRepository`, a missing
 * repository. Slow work (fetching, reading configuration) belongs to the plan stage.
 */
export type IntakeRules = AdvanceDeps & {
  db: Db;
  /** Inserts a task; see `batchCreations`. */
  createTask: CreateTask;
  /** The agent for a task on this repository that names none. */
  defaultAgent: (repository: string) => string;
  /** Throws a DeputyError if an agent of that name cannot work. */
  requireAgent: (name: string) => void;
  /** Default time limit of an attempt; null: an hour. */
  defaultTimeoutMs: (repository: string) => number | null;
  /** Throws a DeputyError if the repository is not usable; returns its canonical form. */
  checkRepository: (repository: string, base: string | null) => Promise<string>;
  /** Throws a DeputyError if no pull request could be opened for it. */
  requirePullRequests: (repository: string) => void;
  defaultBudget: Budget | null;
  defaultWhenStuck: WhenStuck;
  /** The agent's model if its price is known to be unknown; else null. */
  unpricedModel: (agent: string, repository: string) => string | null;
};

export type IntakeRequest = {
  input: TaskInput;
  origin: TaskOrigin;
  idempotency: { key: string; bodyHash: string } | null;
  /** A review reads and delivers words; only triggers ask for one. */
  recipe: "change" | "review";
  /**
   * Why a person must approve the task first, in one line; null: no approval. A description of what
   * would run is added.
   */
  approval: string | null;
};

const defaultTimeoutMs = 60 * 60_000;

export async function acceptTask(
  rules: IntakeRules,
  request: IntakeRequest,
): Promise<{ task: Task; created: boolean }> {
  const { idempotency } = request;
  if (idempotency) {
    const known = await findTaskByKey(rules.db, idempotency);
    if (known) return { task: known, created: false };
  }
  const created = await insertTask(rules, await draftTask(rules, request), request);
  if (created) return { task: created, created: true };
  invariant(idempotency, "only a key that is taken keeps a task from being created");
  const known = await findTaskByKey(rules.db, idempotency);
  invariant(known, "a taken key belongs to a task");
  return { task: known, created: false };
}

/**
 * The complete task for a request, without writing it.
 * @throws DeputyError if the request is refused.
 */
export async function draftTask(
  rules: IntakeRules,
  request: Pick<IntakeRequest, "input" | "origin" | "recipe">,
): Promise<NewTask> {
  const { input, origin } = request;
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
  if (input.include_uncommitted) requireCheckout(repository, input.base);
  const delivery: DeliveryMode =
    request.recipe === "review" ? "comment" : (input.deliver ?? "auto");
  if (delivery === "pr") rules.requirePullRequests(repository);
  const agent =
    input.agent ??
    (everySubtaskHasAgent ? (planInput?.subtasks[0]?.agent ?? "") : rules.defaultAgent(repository));
  const agents = [agent, ...(planInput?.subtasks ?? []).flatMap((subtask) => subtask.agent ?? [])];
  for (const name of new Set(agents)) rules.requireAgent(name);
  return {
    id: newId("task"),
    goal: input.goal.trim(),
    repository,
    base: input.base ?? null,
    agent,
    agentNamed: input.agent !== undefined || everySubtaskHasAgent,
    checks: input.checks ?? [],
    planInput,
    mode: input.mode ?? "auto",
    approval: input.approval ?? "none",
    attachments: input.attachments ?? [],
    delivery,
    expectsChange: request.recipe === "change",
    allowTestChanges: input.allow_test_changes ?? false,
    includeUncommitted: input.include_uncommitted ?? false,
    fresh: input.fresh ?? false,
    allow: input.allow ?? [],
    proof: input.proof ?? null,
    assurance: input.assurance ?? null,
    whenStuck: input.when_stuck ?? rules.defaultWhenStuck,
    budget: chooseBudget(rules, input, agents, repository),
    attemptTimeoutMs:
      input.timeout_minutes === undefined
        ? (rules.defaultTimeoutMs(repository) ?? defaultTimeoutMs)
        : Math.round(input.timeout_minutes * 60_000),
    origin,
  };
}

/** Uncommitted changes are those of a folder of this machine, on what is checked out there. */
function requireCheckout(repository: string, base: string | undefined): void {
  const problem = !isAbsolute(repository)
    ? `${repository} is no checkout on the daemon's machine: push the changes, or name its folder.`
    : base !== undefined && base !== "HEAD"
      ? `Uncommitted changes belong to what is checked out, not to the base "${base}": leave one of the two out.`
      : null;
  if (problem !== null)
    throw new DeputyError("unprocessable", problem, { field: "include_uncommitted" });
}

/** A cap in dollars on a model without a price could not be kept. */
function chooseBudget(
  rules: IntakeRules,
  input: TaskInput,
  agents: readonly string[],
  repository: string,
): Budget | null {
  const budget = input.budget ?? rules.defaultBudget;
  if (budget?.usd === undefined) return budget;
  const model = agents
    .map((agent) => rules.unpricedModel(agent, repository))
    .find((unpriced) => unpriced !== null);
  if (!model) return budget;
  throw new DeputyError(
    "unprocessable",
    `The budget has a cap in dollars, but the price of ${model} is unknown: set it under "prices" in config.yaml, or cap tokens, turns or minutes instead.`,
    { field: "budget.usd" },
  );
}

/** Insert the task; null if another request has its key. */
async function insertTask(
  { db, announce, createTask }: IntakeRules,
  task: NewTask,
  { approval, idempotency, origin }: IntakeRequest,
): Promise<Task | null> {
  const message = `Task accepted: ${titleOf(task)}`;
  const creation: Creation = { task, message, idempotency, approval: null };
  // Large tasks would slow the batch down, and a conflict on a subject would fail all of it.
  if (!approval && !origin.subject && sizeOf(task) <= smallLength) {
    try {
      return await createTask(creation);
    } catch (error) {
      if (!isDataError(error)) throw error;
      // The database rejected one of the batch: retry alone, so that each gets its own error.
    }
  }
  try {
    if (!approval) return (await createTasks(db, [creation]))[0] ?? null;
    return await inTransition(db, (tx) => createHeld(tx, announce, creation, approval));
  } catch (error) {
    if (!isSubjectBusy(error)) throw error;
    const active = origin.subject ? await findActiveTask(db, origin.subject) : null;
    throw new DeputyError(
      "conflict",
      `${origin.subject} already has an active task${active ? `, ${active}` : ""}; wait for it or cancel it.`,
    );
  }
}

/** A task that waits for a person: its question is announced in the same transaction. */
async function createHeld(
  tx: Tx,
  announce: Announce,
  creation: Creation,
  ask: string,
): Promise<Task | null> {
  const questionId = newId("question");
  const text = writeApproval(ask, creation.task);
  const [task] = await createTasks(tx, [{ ...creation, approval: { questionId, text } }]);
  if (task) await announceApproval(makeLedger(tx), announce, task, questionId, text);
  return task ?? null;
}

const smallLength = 64 * 1024;
const maxBatch = 64;

/** Null: a task with this idempotency key exists already. */
export type CreateTask = (creation: Creation) => Promise<Task | null>;

export type Creations = {
  createTask: CreateTask;
  /**
   * Whether many tasks arrive at once: their senders wait, so planning should. True for half a minute
   * at most, then not before a pause: an endless stream is planned, too.
   */
  isRush(): boolean;
};

/** Inserts tasks that arrive at the same time with one statement: a burst makes a commit for each 64. */
export function batchCreations(db: Db, clock = () => performance.now()): Creations {
  const rush = { from: 0, until: 0 };
  const arrivals: number[] = [];
  const create = gather((creations: Creation[]) => createTasks(db, creations), maxBatch);
  const createTask: CreateTask = (creation) => {
    const now = clock();
    arrivals.push(now);
    const isOneOfMany = arrivals.length > rushTasks && now - (arrivals.shift() ?? 0) < rushPauseMs;
    if (isOneOfMany) {
      if (now >= rush.until) rush.from = now;
      rush.until = now + rushPauseMs;
    }
    return create(creation);
  };
  const isRush = () => {
    const now = clock();
    return now < rush.until && now < rush.from + maxRushMs;
  };
  return { createTask, isRush };
}

/** A rush: more tasks than this in `rushPauseMs`. */
const rushTasks = 16;
const rushPauseMs = 250;
const maxRushMs = 30_000;

function sizeOf({ goal, attachments, planInput, checks }: NewTask): number {
  return JSON.stringify([goal, attachments, planInput, checks]).length;
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
