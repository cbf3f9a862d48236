import { sql } from "kysely";
import type { Db } from "../database/schema.ts";

/**
 * Deliveries from outside, stored before they are acknowledged and unique by their id: a repeated
 * delivery is recognised until long after GitHub would repeat it (leftovers.ts). The payload is
 * dropped once processed; the row and its result remain.
 */
export type NewDelivery = {
  deliveryId: string;
  source: string;
  event: string;
  action: string | null;
  payload: unknown;
  /** A subject and its state, of which other deliveries may tell as well; null: none does. */
  about?: string | null;
};

export type OpenDelivery = {
  deliveryId: string;
  event: string;
  payload: unknown;
  receivedAt: Date;
  /** The latest note. */
  result: string | null;
};

/** Stores a delivery. Returns false when it exists already. */
export async function insertDelivery(db: Db, delivery: NewDelivery): Promise<boolean> {
  const { about = null, deliveryId, source, event, action } = delivery;
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("inbox")
    .values({ deliveryId, source, event, action, about, payload: storableJson(delivery.payload) })
    .onConflict((conflict) => conflict.column("deliveryId").doNothing())
    .executeTakeFirst();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/**
 * Whether a delivery has told of this since then. `by`: only those that polls made, or only those that
 * GitHub sent; null: any.
 */
export async function isAboutKnown(
  db: Db,
  about: string,
  { by, since }: { by: "poll" | "hook" | null; since: Date | null },
): Promise<boolean> {
  let find = db.selectFrom("inbox").select("deliveryId").where("about", "=", about);
  if (by) find = find.where(sql<boolean>`starts_with(delivery_id, 'poll:')`, "=", by === "poll");
  if (since) find = find.where("receivedAt", ">=", since);
  return (await find.limit(1).executeTakeFirst()) !== undefined;
}

const repositoryOf = sql<string | null>`lower(payload -> 'repository' ->> 'full_name')`;

/**
 * Unprocessed deliveries, oldest first, without those that this round has already looked at.
 * `repository`: only those whose payload names it, null: none; left out: all.
 */
export async function listOpenDeliveries(
  db: Db,
  sources: readonly string[],
  limit: number,
  except: readonly string[],
  repository?: string | null,
): Promise<OpenDelivery[]> {
  return (
    db
      .selectFrom("inbox")
      .select(["deliveryId", "event", "payload", "receivedAt", "result"])
      .where("source", "in", sources)
      .where("processedAt", "is", null)
      // Unreadable rows are reported elsewhere and must not keep others from being processed.
      .where(sql<boolean>`jsonb_typeof(payload) = 'object' and isfinite(received_at)`)
      .where(sql<boolean>`delivery_id <> all(${[...except]}::text[])`)
      .$if(repository !== undefined, (find) =>
        find.where(repositoryOf, "is not distinct from", repository ?? null),
      )
      .orderBy("receivedAt")
      .orderBy("deliveryId")
      .limit(limit)
      .execute()
  );
}

/** Which repositories these sources have unprocessed deliveries about; null: about none. */
export async function listLanes(db: Db, sources: readonly string[]): Promise<(string | null)[]> {
  const rows = await db
    .selectFrom("inbox")
    .select(repositoryOf.as("repository"))
    .distinct()
    .where("source", "in", sources)
    .where("processedAt", "is", null)
    .where(sql<boolean>`jsonb_typeof(payload) = 'object' and isfinite(received_at)`)
    .execute();
  return rows.map(({ repository }) => repository);
}

/** Records the result of a delivery, once, and drops its payload. */
export async function settleDelivery(
  db: Db,
  deliveryId: string,
  end: { result: string; subject: string | null; taskId: string | null },
): Promise<void> {
  await db
    .updateTable("inbox")
    .set({ ...end, payload: "{}", processedAt: sql<Date>`now()` })
    .where("deliveryId", "=", deliveryId)
    .where("processedAt", "is", null)
    .execute();
}

/** Records why a delivery is still open. */
export async function noteDelivery(
  db: Db,
  deliveryId: string,
  note: { result: string; subject: string | null },
): Promise<void> {
  await db
    .updateTable("inbox")
    .set(note)
    .where("deliveryId", "=", deliveryId)
    .where("processedAt", "is", null)
    .execute();
}

/** The latest delivery whose id begins so; null: there is none. */
export async function findDelivery(
  db: Db,
  prefix: string,
): Promise<{ deliveryId: string; result: string | null; taskId: string | null } | null> {
  const found = await db
    .selectFrom("inbox")
    .select(["deliveryId", "result", "taskId"])
    .where(sql<boolean>`starts_with(delivery_id, ${prefix})`)
    .orderBy("receivedAt", "desc")
    .limit(1)
    .executeTakeFirst();
  return found ?? null;
}

/** JSON that jsonb accepts: it refuses NUL and lone surrogates, which JavaScript allows. */
function storableJson(value: unknown): string {
  return JSON.stringify(value).replace(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g, (escaped) =>
    escaped.length > 2 && /^\\u(?:0000|d)/.test(escaped) ? "\ufffd" : escaped,
  );
}
