import { sql } from "kysely";
import type { AttemptEnding, NewAttempt } from "../../core/ledger/task-ledger.ts";
import type { Verdict } from "../../core/proof/verdict.ts";
import type { Decision } from "../../core/task/failure.ts";
import type { Attempt, DoneReport } from "../../core/task/task.ts";
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
  const { reason, discoveries, followUps, confinement, ...more } = ending;
  // Those are in the ending of its subtask.
  const { choices: _, retryAt: __, ...rest } = more;
  const row = await tx
    .updateTable("attempts")
    .set({
      ...rest,
      endReason: reason,
      discoveries: json(discoveries),
      followUps: json(followUps),
      confinement: confinement && json(confinement),
      // This transition applies the report.
      ...(reason === "done" && { report: null }),
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
): Promise<Pick<Attempt, "sessionId" | "baseCommit"> | null> {
  const columns = Object.fromEntries(
    Object.entries(set).map(([name, value]) => [name, json(value)]),
  );
  if (!id) return null;
  const row = await tx
    .updateTable("attempts")
    .set(columns)
    .where("id", "=", id)
    .returning(["sessionId", "baseCommit"])
    .executeTakeFirst();
  return row ?? null;
}

/**
 * Writes on an attempt's own row that it is done, although another process may own its subtask by now.
 * Writes nothing and returns false if another attempt of the subtask has begun, because the two share a
 * worktree. `isHandedOver`: the report has the files that the other attempt found, so it is written.
 */
export async function reportDone(
  db: Db,
  { id, number, subtaskId }: Pick<Attempt, "id" | "number" | "subtaskId">,
  report: DoneReport,
  { isHandedOver }: { isHandedOver: boolean },
): Promise<boolean> {
  const isLast = sql<boolean>`not exists (select 1 from attempts next
    where next.subtask_id = ${subtaskId} and next.number > ${number})`;
  const row = await db
    .updateTable("attempts")
    .set({ report: json(report) })
    .where("id", "=", id)
    .where(isHandedOver ? sql<boolean>`true` : isLast)
    .returning("id")
    .executeTakeFirst();
  return row !== undefined;
}

/** The attempt that came after another one of the same subtask. */
export async function findNextAttempt(
  db: Db,
  { number, subtaskId }: Pick<Attempt, "number" | "subtaskId">,
): Promise<string | null> {
  const row = await db
    .selectFrom("attempts")
    .select("id")
    .where("subtaskId", "=", subtaskId)
    .where("number", "=", number + 1)
    .executeTakeFirst();
  return row?.id ?? null;
}

/** Attempts of these subtasks whose reports nobody applied, oldest first. */
export async function listReported(tx: Tx, subtaskIds: readonly string[]): Promise<Attempt[]> {
  const rows = await tx
    .selectFrom("attempts")
    .selectAll()
    .where(sql<boolean>`subtask_id = any(${subtaskIds}::text[])`)
    .where("report", "is not", null)
    .orderBy("number")
    .execute();
  return rows.map(toAttempt);
}

/** Lists the snapshot of a late report among those of its attempt. False when it was already. */
export async function noteReport(tx: Tx, id: string): Promise<boolean> {
  const row = await tx
    .updateTable("attempts")
    .set({ snapshotRef: sql<string>`report->>'snapshotRef'` })
    .where("id", "=", id)
    .where("snapshotRef", "is", null)
    .where("report", "is not", null)
    .where("endedAt", "is not", null)
    .returning("id")
    .executeTakeFirst();
  return row !== undefined;
}

/** The work of a late report goes on as another attempt: it cannot be taken twice. */
export async function takeReport(tx: Tx, id: string): Promise<void> {
  await tx.updateTable("attempts").set({ report: null }).where("id", "=", id).execute();
}

export async function setAttemptLog(db: Db, id: string, logPath: string): Promise<void> {
  await db.updateTable("attempts").set({ logPath }).where("id", "=", id).execute();
}
