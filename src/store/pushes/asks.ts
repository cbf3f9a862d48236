import { type Selectable, sql } from "kysely";
import type { Ask, AskUse } from "../../core/attention/ask.ts";
import { json } from "../database/open.ts";
import type { Database, Db, Tx } from "../database/schema.ts";

/**
 * What pushes ask of people. A row is written before its push is sent and used once, in the
 * transaction of what it causes. Tokens and topics are stored as hashes.
 */
export type NewAsk = Pick<Ask, "id" | "eventId" | "taskId" | "questionId" | "options"> & {
  pageHash: string;
  days: number;
};

/** The ask of the event: a new one, or the one that an earlier try at sending made. */
export async function keepAsk(db: Db, ask: NewAsk): Promise<Ask> {
  const { days, options, ...row } = ask;
  await db
    .insertInto("asks")
    .values({
      ...row,
      options: json(options),
      expiresAt: sql<Date>`now() + ${days}::float8 * interval '1 day'`,
    })
    .onConflict((conflict) => conflict.column("eventId").doNothing())
    .execute();
  return toAsk(
    await db
      .selectFrom("asks")
      .selectAll()
      .where("eventId", "=", ask.eventId)
      .executeTakeFirstOrThrow(),
  );
}

/** The page is at another address from now on. */
export async function setPage(db: Db, id: string, pageHash: string): Promise<void> {
  await db.updateTable("asks").set({ pageHash }).where("id", "=", id).execute();
}

export function findAsk(db: Db, id: string): Promise<Ask | null> {
  return findBy(db, "id", id);
}

/** Null: the push of this event asks nothing, or was not sent. */
export function findAskOfEvent(db: Db, eventId: string): Promise<Ask | null> {
  return findBy(db, "eventId", eventId);
}

export function findAskOfPage(db: Db, pageHash: string): Promise<Ask | null> {
  return findBy(db, "pageHash", pageHash);
}

async function findBy(db: Db, column: "id" | "eventId" | "pageHash", value: string) {
  const row = await db.selectFrom("asks").selectAll().where(column, "=", value).executeTakeFirst();
  return row ? toAsk(row) : null;
}

/**
 * The ask, locked until the transaction ends. `isOver`: it has expired. `isPast`: its task was
 * retried since, so what it asks about is history.
 */
export async function lockAsk(
  tx: Tx,
  id: string,
): Promise<{ ask: Ask; isOver: boolean; isPast: boolean } | null> {
  const { rows } = await sql<Selectable<Database["asks"]> & { isOver: boolean; isPast: boolean }>`
    select a.*, a.expires_at <= now() as is_over, exists (
      select from events e where e.task_id = a.task_id and e.type = 'task.retried'
        and e.seq > (select seq from events where id = a.event_id)) as is_past
    from asks a where a.id = ${id} for update of a`.execute(tx);
  const [row] = rows;
  return row ? { ask: toAsk(row), isOver: row.isOver, isPast: row.isPast } : null;
}

export async function useAsk(db: Db | Tx, id: string, use: AskUse): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("asks")
    .set({
      ...{ usedAt: sql<Date>`now()`, usedOption: use.option },
      ...{ usedBy: use.by, usedMessage: use.message },
    })
    .where("id", "=", id)
    .where("usedAt", "is", null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function freeAsk(tx: Tx, id: string): Promise<void> {
  const unused = { usedAt: null, usedOption: null, usedBy: null, usedMessage: null };
  await tx.updateTable("asks").set(unused).where("id", "=", id).execute();
}

/** How far a topic of answers was read; null: not at all. */
export async function readLastReply(db: Db, topicHash: string): Promise<string | null> {
  const row = await db
    .selectFrom("replyTopics")
    .select("lastId")
    .where("topicHash", "=", topicHash)
    .executeTakeFirst();
  return row?.lastId ?? null;
}

export async function noteLastReply(db: Db, topicHash: string, lastId: string): Promise<void> {
  await db
    .insertInto("replyTopics")
    .values({ topicHash, lastId })
    .onConflict((conflict) =>
      conflict.column("topicHash").doUpdateSet({ lastId, readAt: sql<Date>`now()` }),
    )
    .execute();
}

/** Asks that expired before, and topics that nobody has read since. */
export async function deleteAsks(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("asks")
    .where("expiresAt", "<", before)
    .executeTakeFirstOrThrow();
  await db.deleteFrom("replyTopics").where("readAt", "<", before).execute();
  return Number(numDeletedRows);
}

function toAsk(row: Selectable<Database["asks"]>): Ask {
  const { id, eventId, taskId, questionId, options, expiresAt } = row;
  const { usedAt, usedOption, usedBy, usedMessage } = row;
  return {
    ...{ id, eventId, taskId, questionId, options, expiresAt },
    ...{ usedAt, usedOption, usedBy, usedMessage },
  };
}
