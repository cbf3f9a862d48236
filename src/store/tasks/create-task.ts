import { type Selectable, sql } from "kysely";
import { newId } from "../../core/base/id.ts";
import { slot } from "../../core/task/hold.ts";
import type { Task } from "../../core/task/task.ts";
import { toSnakeCase } from "../../core/text/letter-case.ts";
import { type GivenColumn, givenColumns, givenNames } from "../database/given-columns.ts";
import { json } from "../database/open.ts";
import { toTask } from "../database/rows.ts";
import type { Db, TasksTable, Tx } from "../database/schema.ts";

export type NewTask = Pick<Task, "id" | GivenColumn>;

export type Creation = {
  task: NewTask;
  /** Message of the first event. */
  message: string;
  idempotency: { key: string; bodyHash: string } | null;
  /** The question that holds it until a person approves; null: it may start. */
  approval: { questionId: string; text: string } | null;
};

const given = sql.raw(givenNames.map(toSnakeCase).join(", "));
const givenTypes = sql.raw(
  givenNames.map((name) => `${toSnakeCase(name)} ${givenColumns[name]}`).join(", "),
);

/**
 * Inserts tasks with their first events in one statement, all or nothing. The caller wakes the plan stage. A task
 * that needs approval starts in `waiting`, held by its question. A task with an idempotency key is
 * created only if this statement claims the key; where another request has it, even one in the same
 * list, the result is null. Results are in the order of the list.
 */
export async function createTasks(
  db: Db | Tx,
  creations: readonly Creation[],
): Promise<(Task | null)[]> {
  // Nulls in the JSON are SQL nulls to json_to_recordset. Keys are claimed in order, so that two
  // statements with the same keys wait for each other instead of deadlocking.
  const { rows } = await sql<Selectable<TasksTable>>`
    with wanted as materialized (
      select * from json_to_recordset(${json(creations.map(toWanted))}::json) as w (
        id text, event_id text, message text, key text, body_hash text, question_id text, question text, ${givenTypes})
    ), claimed as (
      insert into idempotency_keys (key, body_hash, task_id)
      select key, body_hash, id from wanted where key is not null order by key
      on conflict do nothing returning task_id
    ), created as (
      insert into tasks (id, state, hold_kind, hold_reason, hold_on, hold_question_id, subject, ${given})
      select id,
        case when question_id is null then 'queued' else 'waiting' end,
        case when question_id is null then 'dependency' else 'question' end,
        case when question_id is null then 'waiting for a free planner' end,
        case when question_id is null then ${[slot("plan")]}::text[] end,
        question_id, origin ->> 'subject', ${given}
      from wanted where key is null or id in (select task_id from claimed)
      returning *
    ), told as (
      insert into events (id, task_id, type, message, data)
      select event_id, id, 'task.created', message, jsonb_build_object('source', origin -> 'source')
      from wanted where id in (select id from created)
    ), asked as (
      insert into questions (id, task_id, kind, text)
      select question_id, id, 'approval', question
      from wanted where question_id is not null and id in (select id from created)
    )
    select * from created`.execute(db);
  const created = new Map(rows.map((row) => [row.id, toTask(row)]));
  return creations.map(({ task }) => created.get(task.id) ?? null);
}

function toWanted({ task, message, idempotency, approval }: Creation) {
  return {
    id: task.id,
    event_id: newId("event"),
    message,
    key: idempotency?.key ?? null,
    body_hash: idempotency?.bodyHash ?? null,
    question_id: approval?.questionId ?? null,
    question: approval?.text ?? null,
    ...Object.fromEntries(givenNames.map((name) => [toSnakeCase(name), task[name]])),
  };
}

/** Whether an error of `createTasks` means that a task's subject has an active task already. */
export function isSubjectBusy(error: unknown): boolean {
  const { code, constraint } = error as { code?: string; constraint?: string };
  return code === "23505" && constraint === "tasks_one_active_per_subject";
}

/** Whether the database refused the data (a value, a constraint), and did not just fail. */
export function isDataError(error: unknown): boolean {
  return /^2[23]/.test((error as { code?: string }).code ?? "");
}

/** The task and body hash of this idempotency key, or null. */
export async function findIdempotencyKey(
  db: Db,
  key: string,
): Promise<{ taskId: string; bodyHash: string } | null> {
  const row = await db
    .selectFrom("idempotencyKeys")
    .select(["taskId", "bodyHash"])
    .where("key", "=", key)
    .executeTakeFirst();
  return row ?? null;
}
