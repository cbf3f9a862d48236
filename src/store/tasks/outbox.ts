import { sql } from "kysely";
import { type StageName, stageNames } from "../../core/task/outcome.ts";
import type { Db } from "../database/schema.ts";
import { inTransaction } from "../database/transaction.ts";

export type OutboxRow = { id: string; stage: StageName; taskId: string; subtaskId: string | null };

/**
 * Takes due rows out of the outbox and passes them to `send` in one transaction. When sending fails
 * they stay; when the process dies before the commit they are sent twice, which is harmless because
 * a job only wakes a stage. Returns how many were taken.
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
    // A row for an unknown stage wakes nothing and must not block the others.
    const known = rows.filter(({ stage }) => stageNames.includes(stage));
    if (known.length > 0) await send(known);
    return rows.length;
  });
}

/** Milliseconds until the next row is due by the database's clock; null when there is none. */
export async function nextOutboxDelayMs(db: Db): Promise<number | null> {
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from min(available_at) - now())::float8 * 1000 as ms from outbox`.execute(
    db,
  );
  return rows[0]?.ms ?? null;
}
