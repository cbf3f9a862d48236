import { sql } from "kysely";
import { type StageName, stageNames } from "../../core/task/outcome.ts";
import type { Db } from "../database/schema.ts";
import { inTransaction } from "../database/transaction.ts";

export type OutboxRow = { id: string; stage: StageName; taskId: string; subtaskId: string | null };

/**
 * Take due rows out of the outbox and hand them to `send` in the same transaction: when sending
 * fails they stay, when the process dies between the two they are sent twice, which is harmless
 * because a job only wakes a stage. Returns how many were sent.
 */
export async function drainOutbox(
  db: Db,
  limit: number,
  send: (rows: OutboxRow[]) => Promise<void>,
): Promise<number> {
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<OutboxRow>`
      delete from outbox where id in (
        select id from outbox where available_at <= now() order by id for update skip locked limit ${limit})
      returning id, stage, task_id, subtask_id`.execute(tx);
    // A row for a stage that does not exist wakes nobody, and must not hold up the others.
    const known = rows.filter(({ stage }) => stageNames.includes(stage));
    if (known.length > 0) await send(known);
    return rows.length;
  });
}

/** When the next row becomes due, in milliseconds from now by the database's clock; null when there is none. */
export async function nextOutboxDelayMs(db: Db): Promise<number | null> {
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from min(available_at) - now())::float8 * 1000 as ms from outbox`.execute(
    db,
  );
  return rows[0]?.ms ?? null;
}
