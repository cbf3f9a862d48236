import { sql } from "kysely";
import type { AttemptEnding, NewAttempt } from "../../core/ledger/task-ledger.ts";
import type { Verdict } from "../../core/proof/verdict.ts";
import type { Decision } from "../../core/task/failure.ts";
import type { Attempt } from "../../core/task/task.ts";
import { json } from "../database/open.ts";
import { toAttempt } from "../database/rows.ts";
import type { Db, Tx } from "../database/schema.ts";

/** Writes attempts: started by a claim, ended exactly once, verdict and decision added later. */
export async function insertAttempt(tx: Tx, attempt: NewAttempt): Promise<Attempt> {
  const row = await tx
    .insertInto("attempts")
    .values(attempt)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toAttempt(row);
}

export async function getLatestAttempt(db: Db | Tx, subtaskId: string): Promise<Attempt | null> {
  const row = await db
    .selectFrom("attempts")
    .selectAll()
    .where("subtaskId", "=", subtaskId)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? toAttempt(row) : null;
}

/** The last attempt of each of these subtasks that has any, by the subtask's id. */
export async function listLatestAttempts(
  db: Db | Tx,
  subtaskIds: readonly string[],
): Promise<Map<string, { id: string; number: number }>> {
  const rows = await db
    .selectFrom("attempts")
    .select(["subtaskId", "id", "number"])
    .distinctOn("subtaskId")
    .where(sql<boolean>`subtask_id = any(${subtaskIds}::text[])`)
    .orderBy("subtaskId")
    .orderBy("number", "desc")
    .execute();
  return new Map(rows.map(({ subtaskId, id, number }) => [subtaskId, { id, number }]));
}

/** Ends an attempt. Null when it had ended already: the first ending stands. */
export async function endAttemptRow(
  tx: Tx,
  id: string,
  ending: AttemptEnding,
): Promise<{ number: number } | null> {
  const { reason, discoveries, followUps, confinement, retryAt: _, ...rest } = ending;
  const row = await tx
    .updateTable("attempts")
    .set({
      ...rest,
      endReason: reason,
      discoveries: json(discoveries),
      followUps: json(followUps),
      confinement: confinement && json(confinement),
      endedAt: new Date(),
    })
    .where("id", "=", id)
    .where("endedAt", "is", null)
    .returning("number")
    .executeTakeFirst();
  return row ?? null;
}

export async function setOnAttempt(
  tx: Tx,
  id: string | null,
  set: { verdict?: Verdict; gateVerdict?: Verdict; decision?: Decision },
): Promise<{ sessionId: string | null } | null> {
  const columns = Object.fromEntries(
    Object.entries(set).map(([name, value]) => [name, json(value)]),
  );
  if (!id) return null;
  const row = await tx
    .updateTable("attempts")
    .set(columns)
    .where("id", "=", id)
    .returning("sessionId")
    .executeTakeFirst();
  return row ?? null;
}

export async function setAttemptLog(db: Db, id: string, logPath: string): Promise<void> {
  await db.updateTable("attempts").set({ logPath }).where("id", "=", id).execute();
}
