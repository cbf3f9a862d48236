import { newId } from "../../core/base/id.ts";
import type { NewMessage } from "../../core/ledger/task-ledger.ts";
import type { Message } from "../../core/task/message.ts";
import { checkRow } from "../database/garbled.ts";
import type { Db, Tx } from "../database/schema.ts";

/**
 * Messages of a person to the agent of a subtask. A row is open until an attempt that received it
 * is merged: an attempt that fails, dies or is too late leaves it to the next one.
 */
export type PendingMessage = Pick<Message, "id" | "place" | "side" | "text" | "voice">;

const columns = [
  "id",
  "subtaskId",
  "place",
  "voice",
  "text",
  "sentAt",
  "deliveredAt",
  "deliveredTo",
  "doneBy",
] as const;

export async function insertMessage(tx: Tx, message: NewMessage): Promise<void> {
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

/** The body hash stored with this key, or null. */
export async function findMessageKey(
  tx: Db | Tx,
  taskId: string,
  key: string,
): Promise<string | null> {
  const row = await tx
    .selectFrom("messages")
    .select("bodyHash")
    .where("taskId", "=", taskId)
    .where("key", "=", key)
    .executeTakeFirst();
  return row?.bodyHash ?? null;
}

/** Messages not yet delivered to a subtask's agent, oldest first. */
export async function listPendingMessages(
  db: Db | Tx,
  subtaskId: string,
): Promise<PendingMessage[]> {
  return db
    .selectFrom("messages")
    .select(["id", "place", "side", "text"])
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
 * Takes over messages for an attempt that starts and returns those to deliver, oldest first. A new
 * session receives all open ones, whoever received them before. A resumed session already contains
 * its earlier ones; the rest are delivered while it works.
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
  const rows = await take.returning(["id", "place", "side", "text", "voice", "sentAt"]).execute();
  if (sessionId !== null) return [];
  return rows.toSorted((a, b) => Number(a.sentAt) - Number(b.sentAt) || (a.id < b.id ? -1 : 1));
}

/** Marks the messages of a merged attempt done. */
export async function finishMessages(tx: Tx, subtaskId: string, attemptId: string): Promise<void> {
  await tx
    .updateTable("messages")
    .set({ doneBy: attemptId })
    .where("subtaskId", "=", subtaskId)
    .where("doneBy", "is", null)
    .where("deliveredTo", "=", attemptId)
    .execute();
}

/** Gives what an attempt received to the one that takes over its work. */
export async function passMessages(tx: Tx, from: string, to: string): Promise<void> {
  await tx
    .updateTable("messages")
    .set({ deliveredTo: to })
    .where("deliveredTo", "=", from)
    .where("doneBy", "is", null)
    .execute();
}

/** Reopens the messages of a subtask whose merged work is lost. */
export async function reopenMessages(tx: Tx, subtaskId: string): Promise<void> {
  await tx
    .updateTable("messages")
    .set({ doneBy: null })
    .where("subtaskId", "=", subtaskId)
    .execute();
}

/** Moves the open messages of a subtask to the subtasks that replace it. */
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

/** Comments that no merged attempt received, oldest first. */
export async function listOpenComments(tx: Tx, taskId: string): Promise<Message[]> {
  return (await listMessages(tx, taskId)).filter(
    ({ doneBy, place }) => place !== null && doneBy === null,
  );
}

/** Comments on lines of a file, with all that they are bound to, oldest first. */
export async function listComments(db: Db, taskId: string) {
  const rows = await db
    .selectFrom("messages")
    .select([...columns, "commentId", "side", "tree"])
    .where("taskId", "=", taskId)
    .where("place", "is not", null)
    .orderBy("sentAt")
    .orderBy("id")
    .execute();
  return rows.map((row) => ({ ...row, ...toMessage(row) }));
}

/** All messages of a task, oldest first. */
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
