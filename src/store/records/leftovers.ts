import { sql } from "kysely";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import { deleteBackups } from "../database/backups.ts";
import type { Db } from "../database/schema.ts";
import { deleteAsks } from "../pushes/asks.ts";
import { deleteCards } from "../pushes/cards.ts";
import { deleteBreakers } from "../triggers/guards.ts";
import { deleteWrittenComments } from "../triggers/written-comments.ts";

/**
 * Rows outside any task's history that would grow for ever: keys that recognise repeated requests,
 * dead processes, past freezes, cached results. Each is deleted once nothing can need it. `usage` and `spending`
 * are not among them: receipts and budgets of tasks, which stay, are built from them.
 */
export async function deleteLeftovers(db: Db, before: Date): Promise<Record<string, number>> {
  return {
    idempotencyKeys: await deleteKeys(db, before),
    deliveries: await deleteDeliveries(db, before),
    processes: await deleteProcesses(db, before),
    baselines: await deleteBaselines(db, before),
    flakyTests: await deleteFlakyTests(db, before),
    freezes: await deleteFreezes(db, before),
    breakers: await deleteBreakers(db, before),
    writtenComments: await deleteWrittenComments(db, before),
    notifications: await deleteNotifications(db, before),
    asks: await deleteAsks(db, before),
    cards: await deleteCards(db, before),
    snoozes: await deleteSnoozes(db, before),
    backups: await deleteBackups(db, before),
  };
}

/** Keys of tasks that ended before. An unfinished task is still found by its key. */
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

/**
 * Deliveries that were processed before; open ones stay, however old. So do those of tasks that
 * ended, which tell a rule what it has followed, and what it started (triggers/chains.ts): tasks stay.
 */
async function deleteDeliveries(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("inbox")
    .where("processedAt", "<", before)
    .where("source", "<>", "tasks")
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/**
 * Processes that ended before and left no lease to hand back, with the records of their child
 * processes. Those were killed or ended with them; an orderly stop leaves the records.
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

/** Verdicts hold a copy of their baseline; one that is needed again is recomputed. */
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

/** Freezes that ended before. */
async function deleteFreezes(db: Db, before: Date): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    delete from freezes where thawed_at < ${before} returning id`.execute(db);
  return rows.length;
}

/** Those that were over before. */
async function deleteSnoozes(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("snoozes")
    .where("until", "<", before)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** Pushes about no task that were accepted, or given up, and were written before. */
async function deleteNotifications(db: Db, before: Date): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    delete from notifications where task_id = '' and created_at < ${before}
      and (sent_at is not null or next_at = 'infinity') returning id`.execute(db);
  return rows.length;
}
