import { sql } from "kysely";
import type { Deciding, NewDeciding } from "../../core/attention/deciding.ts";
import type { Db, Tx } from "../database/schema.ts";

/** Decisions on delivered work that are being carried out: a task has one at most. */

/** The caller has locked the task. */
export async function findDeciding(tx: Db | Tx, taskId: string): Promise<Deciding | null> {
  const row = await tx
    .selectFrom("decisions")
    .selectAll()
    .where("taskId", "=", taskId)
    .executeTakeFirst();
  return row ?? null;
}

export async function insertDeciding(tx: Tx, deciding: NewDeciding): Promise<void> {
  await tx.insertInto("decisions").values(deciding).execute();
}

export async function deleteDeciding(tx: Tx, taskId: string): Promise<void> {
  await tx.deleteFrom("decisions").where("taskId", "=", taskId).execute();
}

/**
 * Takes over those whose process has ended, and was found to have; oldest first. Of several processes
 * that look at once one gets each.
 */
export async function takeAbandoned(db: Db, processId: string): Promise<Deciding[]> {
  const found = await db
    .selectFrom("decisions")
    .select(["taskId", "processId"])
    .where(
      sql<boolean>`not exists (
        select from processes p where p.id = process_id and p.ended_at is null)`,
    )
    .orderBy("startedAt")
    .execute();
  const taken: Deciding[] = [];
  for (const { taskId, processId: dead } of found) {
    // By what it was: PostgreSQL does not look into processes again for a row that changed meanwhile.
    const row = await db
      .updateTable("decisions")
      .set({ processId })
      .where("taskId", "=", taskId)
      .where("processId", "=", dead)
      .returningAll()
      .executeTakeFirst();
    if (row) taken.push(row);
  }
  return taken;
}
