import { sql } from "kysely";
import type { QuestionKind } from "../../core/task/question.ts";
import type { Db } from "../database/schema.ts";
import { isSettled } from "./notifications.ts";

/**
 * What people's screens show: the last push of each question, and of each task, per channel. A card is open until
 * what it asks is settled and the channel was told so; then nobody is asked by a screen what was decided elsewhere.
 */
export type Card = {
  channel: string;
  /** A question's id, a task's, or an event's. */
  card: string;
  eventId: string;
  taskId: string;
  /** What the channel's server calls it; null: it is found by `card`. */
  message: string | null;
  title: string;
};

/** An open card, of which nothing is left to decide. */
export type SettledCard = Card & {
  attempts: number;
  /** How its ask was used; nulls: it was not. */
  usedOption: number | null;
  usedBy: string | null;
  usedMessage: string | null;
  options: { label: string; isAgents?: boolean }[] | null;
  /** Of the question that it is about. */
  kind: QuestionKind | null;
};

/** What the channel shows now, in place of an earlier push of the same card. */
export async function putCard(db: Db, card: Card): Promise<void> {
  const { eventId, message, taskId, title } = card;
  const now = sql<Date>`now()`;
  const shown = { eventId, taskId, message, title, attempts: 0, nextAt: now, shownAt: now };
  await db
    .insertInto("cards")
    .values(card)
    .onConflict((conflict) =>
      conflict.columns(["channel", "card"]).doUpdateSet({ ...shown, closedAt: null }),
    )
    .execute();
}

/** Null: none is open. */
export async function findCard(db: Db, channel: string, card: string): Promise<Card | null> {
  const row = await db
    .selectFrom("cards")
    .select(["channel", "card", "eventId", "taskId", "message", "title"])
    .where("channel", "=", channel)
    .where("card", "=", card)
    .where("closedAt", "is", null)
    .executeTakeFirst();
  return row ?? null;
}

/** Open cards whose ask was used, or whose news is over; no other process gets them for a minute. */
export async function claimSettledCards(
  db: Db,
  channels: readonly string[],
): Promise<SettledCard[]> {
  if (channels.length === 0) return [];
  const { rows } = await sql<SettledCard>`
    with due as (
      select c.channel, c.card from cards c
        left join asks a on a.event_id = c.event_id
        left join notifications n on n.event_id = c.event_id and n.channel = c.channel
      where c.closed_at is null and c.next_at <= now() and c.channel in (${sql.join(channels)})
        and (a.used_at is not null or (n.id is not null and ${isSettled}
          and exists (select from tasks t where t.id = c.task_id)))
      order by c.shown_at limit 20 for update of c skip locked),
    taken as (
      update cards c set next_at = now() + interval '1 minute', attempts = c.attempts + 1
      from due where c.channel = due.channel and c.card = due.card returning c.*)
    select t.channel, t.card, t.event_id, t.task_id, t.message, t.title, t.attempts,
      a.used_option, a.used_by, a.used_message, a.options, q.kind
    from taken t left join asks a on a.event_id = t.event_id and a.used_at is not null
      left join questions q on q.id = t.card`.execute(db);
  return rows;
}

/** Unless another push came to stand there meanwhile. */
export async function closeCard(
  db: Db,
  { card, channel, eventId }: Omit<Card, "title">,
): Promise<void> {
  await db
    .updateTable("cards")
    .set({ closedAt: sql<Date>`now()` })
    .where("channel", "=", channel)
    .where("card", "=", card)
    .where("eventId", "=", eventId)
    .execute();
}

/** Deletes the cards that were shown before then; how many. */
export async function deleteCards(db: Db, before: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom("cards")
    .where("shownAt", "<", before)
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}
