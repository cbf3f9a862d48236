import { sql } from "kysely";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import type { Db } from "../database/schema.ts";

/**
 * Rows that belong to no task's history and would grow for ever: what only recognises a repeated
 * request, what dead processes were, and cached results. Each goes once nobody can need it any more.
 * `usage` and `spending` are not among them: receipts and budgets of tasks, which stay, are made of
 * them.
 */
export async function deleteLeftovers(db: Db, before: Date): Promise<Record<string, number>> {
  return {
    idempotencyKeys: await deleteKeys(db, before),
    deliveries: await deleteDeliveries(db, before),
    processes: await deleteProcesses(db, before),
    baselines: await deleteBaselines(db, before),
    flakyTests: await deleteFlakyTests(db, before),
  };
}

/** Keys of tasks that ended before. While a task is not over its key finds it. */
async function deleteKeys(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("idempotencyKeys")
    .using("tasks")
    .whereRef("tasks.id", "=", "idempotencyKeys.taskId")
    .where("tasks.state", "in", terminalTaskStates)
    .where("tasks.endedAt", "<", before)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** Deliveries that were dealt with before; what is open stays, however old. */
async function deleteDeliveries(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("inbox")
    .where("processedAt", "<", before)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/**
 * Processes that were over before and that left no lease to hand back. The processes noted down for them
 * were killed or ended when they did; who stops in order does not take the notes back.
 */
async function deleteProcesses(db: Db, before: Date): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with gone as (
      select id from processes b where ended_at < ${before} and heartbeat_at < ${before}
        and not exists (select from tasks where hold_kind = 'lease' and hold_owner = b.id)
        and not exists (select from subtasks where hold_kind = 'lease' and hold_owner = b.id)
    ), notes as (
      delete from child_processes where process_id in (select id from gone)
    )
    delete from processes where id in (select id from gone) returning id`.execute(db);
  return rows.length;
}

/** Verdicts hold a copy of the baseline they were judged by; who needs an old one again makes it again. */
async function deleteBaselines(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("baselines")
    .where("createdAt", "<", before)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** Tests that were not seen to flip since: their failures count again. */
async function deleteFlakyTests(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("flakyTests")
    .where("lastSeenAt", "<", before)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
