import { sql } from "kysely";
import { slot } from "../core/hold.ts";
import { newId } from "../core/id.ts";
import type { Task } from "../core/task.ts";
import { json } from "./open.ts";
import type { Db, Tx } from "./schema.ts";

export type NewTask = Pick<
  Task,
  | "id"
  | "goal"
  | "repository"
  | "base"
  | "agent"
  | "checks"
  | "planInput"
  | "attachments"
  | "delivery"
  | "expectsChange"
  | "allowTestChanges"
  | "attemptTimeoutMs"
  | "origin"
>;

/**
 * Insert a task with its first event and its doorbell in one statement, one round trip: they are
 * there together or not at all. A task that needs approval starts in `waiting`, held by a question.
 * With an idempotency key, the key is claimed in the same statement: `key_taken` says that another
 * request has it. `subject_busy`: the subject has an active task already.
 */
export async function createTask(
  db: Db | Tx,
  task: NewTask,
  options: {
    message: string;
    idempotency: { key: string; bodyHash: string } | null;
    approval: { questionId: string; text: string } | null;
  },
): Promise<"created" | "key_taken" | "subject_busy"> {
  const { idempotency, approval } = options;
  const hold = approval
    ? sql`'waiting', 'question', null, null, ${approval.questionId}::text`
    : sql`'queued', 'dependency', 'waiting for a free planner', ${[slot("plan")]}::text[], null`;
  try {
    const { rows } = await sql<{ id: string }>`
      with taken as (
        insert into idempotency_keys (key, body_hash, task_id)
        select ${idempotency?.key ?? null}, ${idempotency?.bodyHash ?? null}, ${task.id} where ${idempotency !== null}::bool
        on conflict do nothing returning key
      ), t as (
        insert into tasks (id, state, hold_kind, hold_reason, hold_on, hold_question_id, goal, repository, base, agent,
          checks, plan_input, attachments, delivery, expects_change, allow_test_changes, attempt_timeout_ms, origin, subject)
        select ${task.id}, ${hold}, ${task.goal}, ${task.repository}, ${task.base}, ${task.agent}, ${json(task.checks)}::jsonb,
          ${task.planInput ? json(task.planInput) : null}::jsonb, ${json(task.attachments)}::jsonb, ${task.delivery},
          ${task.expectsChange}::bool, ${task.allowTestChanges}::bool, ${task.attemptTimeoutMs}::bigint, ${json(task.origin)}::jsonb,
          ${task.origin.subject}::text
        where ${idempotency === null}::bool or exists (select 1 from taken)
        returning id
      ), e as (
        insert into events (id, task_id, type, message, data)
        select ${newId("event")}, id, 'task.created', ${options.message}, ${json({ source: task.origin.source })}::jsonb from t
      ), q as (
        insert into questions (id, task_id, kind, text)
        select ${approval?.questionId ?? null}, id, 'approval', ${approval?.text ?? null} from t where ${approval !== null}::bool
      ), o as (
        insert into outbox (stage, task_id) select 'plan', id from t where ${approval === null}::bool
      )
      select id from t`.execute(db);
    return rows.length > 0 ? "created" : "key_taken";
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (code === "23505" && constraint === "tasks_one_active_per_subject") return "subject_busy";
    throw error;
  }
}

/** Who has this idempotency key, if anyone. */
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

/** The active task of a subject, if there is one. */
export async function findActiveTask(db: Db, subject: string): Promise<string | null> {
  const row = await db
    .selectFrom("tasks")
    .select("id")
    .where("subject", "=", subject)
    .where("state", "not in", ["completed", "failed", "cancelled"])
    .executeTakeFirst();
  return row?.id ?? null;
}
