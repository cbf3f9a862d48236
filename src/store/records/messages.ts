import { newId } from "../../core/base/id.ts";
import type { Message } from "../../core/task/message.ts";
import { checkRow } from "../database/garbled.ts";
import type { Db, Tx } from "../database/schema.ts";

/**
 * What a person says to whoever works on a subtask. A row is open until an attempt that had it is
 * merged: an attempt that fails, dies or is too late leaves it to the next one.
 */
export type PendingMessage = Pick<Message, "id" | "place" | "text">;

const columns = [
  "id",
  "subtaskId",
  "place",
  "text",
  "sentAt",
  "deliveredAt",
  "deliveredTo",
  "doneBy",
] as const;

export async function insertMessage(
  tx: Tx,
  message: Pick<Message, "subtaskId" | "place" | "text"> & {
    taskId: string;
    idempotency: Idempotency | null;
  },
): Promise<void> {
  const { idempotency, ...row } = message;
  await tx
    .insertInto("messages")
    .values({
      id: newId("message"),
      ...row,
      key: idempotency?.key,
      bodyHash: idempotency?.bodyHash,
    })
    .execute();
}

/** A key of the caller's: the same body with it is the same message. */
export type Idempotency = { key: string; bodyHash: string };

/** The hash of the body that came with this key; null: none did. */
export async function findMessageKey(tx: Tx, taskId: string, key: string): Promise<string | null> {
  const row = await tx
    .selectFrom("messages")
    .select("bodyHash")
    .where("taskId", "=", taskId)
    .where("key", "=", key)
    .executeTakeFirst();
  return row?.bodyHash ?? null;
}

/** What a subtask's agent was not told yet, oldest first. */
export async function listPendingMessages(
  db: Db | Tx,
  subtaskId: string,
): Promise<PendingMessage[]> {
  return db
    .selectFrom("messages")
    .select(["id", "place", "text"])
    .where("subtaskId", "=", subtaskId)
    .where("deliveredAt", "is", null)
    .orderBy("sentAt")
    .orderBy("id")
    .execute();
}

export async function markDelivered(
  db: Db | Tx,
  ids: readonly string[],
  attemptId: string | null,
): Promise<void> {
  if (ids.length === 0) return;
  const set = { deliveredAt: new Date(), deliveredTo: attemptId };
  await db.updateTable("messages").set(set).where("id", "in", ids).execute();
}

/**
 * What an attempt has to be told as it starts, oldest first: afresh, all that is open, whoever heard it
 * before. One that goes on with a session has what was heard in that, and hears the rest as it works.
 */
export async function takeMessages(
  db: Db,
  subtaskId: string,
  attempt: { id: string; sessionId: string | null },
): Promise<PendingMessage[]> {
  const { id, sessionId } = attempt;
  let take = db
    .updateTable("messages")
    .set({ deliveredAt: new Date(), deliveredTo: id })
    .where("subtaskId", "=", subtaskId)
    .where("doneBy", "is", null);
  if (sessionId !== null) {
    take = take.where("deliveredTo", "in", (earlier) =>
      earlier.selectFrom("attempts").select("attempts.id").where("sessionId", "=", sessionId),
    );
  }
  const rows = await take.returning(["id", "place", "text", "sentAt"]).execute();
  if (sessionId !== null) return [];
  return rows.toSorted((a, b) => Number(a.sentAt) - Number(b.sentAt) || (a.id < b.id ? -1 : 1));
}

/** An attempt is merged: what it had is done. */
export async function finishMessages(tx: Tx, subtaskId: string, attemptId: string): Promise<void> {
  await tx
    .updateTable("messages")
    .set({ doneBy: attemptId })
    .where("subtaskId", "=", subtaskId)
    .where("doneBy", "is", null)
    .where("deliveredTo", "=", attemptId)
    .execute();
}

/** The merged work of a subtask is lost: what was said to it is open again. */
export async function reopenMessages(tx: Tx, subtaskId: string): Promise<void> {
  await tx
    .updateTable("messages")
    .set({ doneBy: null })
    .where("subtaskId", "=", subtaskId)
    .execute();
}

/** What was said to a subtask is said to the parts that take its place. */
export async function handDownMessages(tx: Tx, from: string, to: readonly string[]): Promise<void> {
  const open = await tx
    .deleteFrom("messages")
    .where("subtaskId", "=", from)
    .where("doneBy", "is", null)
    .returningAll()
    .execute();
  const rows = open.flatMap((row) =>
    to.map((subtaskId, index) => ({
      ...row,
      ...{ id: newId("message"), subtaskId, deliveredAt: null, deliveredTo: null },
      key: index === 0 ? row.key : null,
    })),
  );
  if (rows.length > 0) await tx.insertInto("messages").values(rows).execute();
}

/** Comments that no merged attempt had, oldest first. */
export async function listOpenComments(tx: Tx, taskId: string): Promise<Message[]> {
  return (await listMessages(tx, taskId)).filter(
    ({ doneBy, place }) => place !== null && doneBy === null,
  );
}

/** All that was said to a task, oldest first. */
export async function listMessages(db: Db | Tx, taskId: string): Promise<Message[]> {
  return (await listMessageRows(db, taskId)).map(toMessage);
}

export function toMessage(row: Message): Message {
  return checkRow("messages", row.id, row);
}

export async function listMessageRows(db: Db | Tx, taskId: string): Promise<Message[]> {
  return db
    .selectFrom("messages")
    .select(columns)
    .where("taskId", "=", taskId)
    .orderBy("sentAt")
    .orderBy("id")
    .execute();
}
