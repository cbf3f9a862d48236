import { sql } from "kysely";
import type { Db } from "../database/schema.ts";

/**
 * Deliveries from outside, kept before they are answered and unique by their id: a
 * repeated delivery is recognised until long after GitHub would repeat it (leftovers.ts). A payload
 * is kept only until it is dealt with; what remains is that it came, and what became of it.
 */
export type NewDelivery = {
  deliveryId: string;
  source: string;
  event: string;
  action: string | null;
  payload: unknown;
};

export type OpenDelivery = {
  deliveryId: string;
  event: string;
  payload: unknown;
  receivedAt: Date;
  /** What was last said of it. */
  result: string | null;
};

/** Keep a delivery. False when it was there already. */
export async function insertDelivery(db: Db, delivery: NewDelivery): Promise<boolean> {
  const { deliveryId, source, event, action } = delivery;
  const { numInsertedOrUpdatedRows } = await db
    .insertInto("inbox")
    .values({ deliveryId, source, event, action, payload: storableJson(delivery.payload) })
    .onConflict((conflict) => conflict.column("deliveryId").doNothing())
    .executeTakeFirst();
  return (numInsertedOrUpdatedRows ?? 0n) > 0n;
}

/** What is not dealt with yet, oldest first, without those that this round has looked at already. */
export async function listOpenDeliveries(
  db: Db,
  source: string,
  limit: number,
  except: readonly string[],
): Promise<OpenDelivery[]> {
  return (
    db
      .selectFrom("inbox")
      .select(["deliveryId", "event", "payload", "receivedAt", "result"])
      .where("source", "=", source)
      .where("processedAt", "is", null)
      // What cannot be read is named by whoever looks for such rows, and keeps none of the others.
      .where(sql<boolean>`jsonb_typeof(payload) = 'object' and isfinite(received_at)`)
      .where(sql<boolean>`delivery_id <> all(${[...except]}::text[])`)
      .orderBy("receivedAt")
      .orderBy("deliveryId")
      .limit(limit)
      .execute()
  );
}

/** Record what became of a delivery, once. Its payload is let go. */
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

/** Say why a delivery is still open. */
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

/** JSON that jsonb takes: it refuses NUL and lone surrogates, which JavaScript's strings may hold. */
function storableJson(value: unknown): string {
  return JSON.stringify(value).replace(/\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g, (escaped) =>
    escaped.length > 2 && /^\\u(?:0000|d)/.test(escaped) ? "\ufffd" : escaped,
  );
}
