import { newId } from "../core/id.ts";
import type { Message } from "../core/message.ts";
import { checkRow } from "./garbled.ts";
import { together } from "./pipeline.ts";
import type { Db, Tx } from "./schema.ts";

/**
 * What a person says to whoever works on a subtask. A row is open until an attempt that had it is
 * merged: an attempt that fails, dies or is too late leaves it to the next one.
 */
export type Said = Pick<Message, "id" | "place" | "text">;

const columns = [
  "id",
  "subtaskId",
  "place",
  "text",
  "saidAt",
  "heardAt",
  "heardBy",
  "doneBy",
] as const;

export async function insertSaid(
  tx: Tx,
  said: Pick<Message, "subtaskId" | "place" | "text"> & {
    taskId: string;
    idempotency: Idempotency | null;
  },
): Promise<void> {
  const { idempotency, ...row } = said;
  await tx
    .insertInto("said")
    .values({ id: newId("said"), ...row, key: idempotency?.key, bodyHash: idempotency?.bodyHash })
    .execute();
}

/** A key of the caller's: the same body with it is the same message. */
export type Idempotency = { key: string; bodyHash: string };

/** The hash of the body that came with this key; null: none did. */
export async function findSaidKey(tx: Tx, taskId: string, key: string): Promise<string | null> {
  const row = await tx
    .selectFrom("said")
    .select("bodyHash")
    .where("taskId", "=", taskId)
    .where("key", "=", key)
    .executeTakeFirst();
  return row?.bodyHash ?? null;
}

/** What a subtask's agent was not told yet, oldest first. */
export async function listUnheard(db: Db | Tx, subtaskId: string): Promise<Said[]> {
  return together(db)
    .selectFrom("said")
    .select(["id", "place", "text"])
    .where("subtaskId", "=", subtaskId)
    .where("heardAt", "is", null)
    .orderBy("saidAt")
    .orderBy("id")
    .execute();
}

export async function markHeard(
  db: Db | Tx,
  ids: readonly string[],
  attemptId: string | null,
): Promise<void> {
  if (ids.length === 0) return;
  const set = { heardAt: new Date(), heardBy: attemptId };
  await db.updateTable("said").set(set).where("id", "in", ids).execute();
}

/**
 * What an attempt has to be told as it starts, oldest first: afresh, all that is open, whoever heard it
 * before. One that goes on with a session has what was heard in that, and hears the rest as it works.
 */
export async function takeSaid(
  db: Db,
  subtaskId: string,
  attempt: { id: string; sessionId: string | null },
): Promise<Said[]> {
  const { id, sessionId } = attempt;
  let take = db
    .updateTable("said")
    .set({ heardAt: new Date(), heardBy: id })
    .where("subtaskId", "=", subtaskId)
    .where("doneBy", "is", null);
  if (sessionId !== null) {
    take = take.where("heardBy", "in", (earlier) =>
      earlier.selectFrom("attempts").select("attempts.id").where("sessionId", "=", sessionId),
    );
  }
  const rows = await take.returning(["id", "place", "text", "saidAt"]).execute();
  if (sessionId !== null) return [];
  return rows.toSorted((a, b) => Number(a.saidAt) - Number(b.saidAt) || (a.id < b.id ? -1 : 1));
}

/** An attempt is merged: what it had is done. */
export async function finishSaid(tx: Tx, subtaskId: string, attemptId: string): Promise<void> {
  await tx
    .updateTable("said")
    .set({ doneBy: attemptId })
    .where("subtaskId", "=", subtaskId)
    .where("doneBy", "is", null)
    .where("heardBy", "=", attemptId)
    .execute();
}

/** The merged work of a subtask is lost: what was said to it is open again. */
export async function reopenSaid(tx: Tx, subtaskId: string): Promise<void> {
  await tx.updateTable("said").set({ doneBy: null }).where("subtaskId", "=", subtaskId).execute();
}

/** What was said to a subtask is said to the parts that take its place. */
export async function handDownSaid(tx: Tx, from: string, to: readonly string[]): Promise<void> {
  const open = await tx
    .deleteFrom("said")
    .where("subtaskId", "=", from)
    .where("doneBy", "is", null)
    .returningAll()
    .execute();
  const rows = open.flatMap((row) =>
    to.map((subtaskId, index) => ({
      ...row,
      ...{ id: newId("said"), subtaskId, heardAt: null, heardBy: null },
      key: index === 0 ? row.key : null,
    })),
  );
  if (rows.length > 0) await tx.insertInto("said").values(rows).execute();
}

/** Comments that no merged attempt had, oldest first. */
export async function listOpenComments(tx: Tx, taskId: string): Promise<Message[]> {
  return (await listSaid(tx, taskId)).filter(
    ({ doneBy, place }) => place !== null && doneBy === null,
  );
}

/** All that was said to a task, oldest first. */
export async function listSaid(db: Db | Tx, taskId: string): Promise<Message[]> {
  return (await listSaidRows(db, taskId)).map(toMessage);
}

export function toMessage(row: Message): Message {
  return checkRow("said", row.id, row);
}

export async function listSaidRows(db: Db | Tx, taskId: string): Promise<Message[]> {
  return together(db)
    .selectFrom("said")
    .select(columns)
    .where("taskId", "=", taskId)
    .orderBy("saidAt")
    .orderBy("id")
    .execute();
}
