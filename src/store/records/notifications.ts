import { sql } from "kysely";
import type { NewNotification } from "../../core/ledger/task-ledger.ts";
import { json } from "../database/open.ts";
import type { Db, Tx } from "../database/schema.ts";

/**
 * Notifications to people: one row per event and channel, written in the event's transaction. A row
 * is claimed for a limited time, sent and marked; it is due again when the claimant died. All times
 * are the database's.
 */
export type ClaimedNotification = NewNotification & {
  /** Includes this one. */
  attempts: number;
  ageMs: number;
};

/** Inserts the rows of an event; existing ones stay as they are. */
export async function insertNotifications(
  tx: Db | Tx,
  rows: readonly NewNotification[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx
    .insertInto("notifications")
    .values(rows.map((row) => ({ ...row, payload: json(row.payload) })))
    .onConflict((conflict) => conflict.columns(["eventId", "channel"]).doNothing())
    .execute();
}

/** Claims due rows, oldest first; no other process gets them before the lease is over. */
export async function claimDueNotifications(
  db: Db,
  options: { limit: number; leaseMs: number },
): Promise<ClaimedNotification[]> {
  const { rows } = await sql<ClaimedNotification>`
    update notifications set attempts = least(attempts::bigint + 1, 2147483647)::int,
      claimed_until = now() + ${options.leaseMs}::float8 * interval '1 millisecond'
    where id in (
      select id from notifications
      where sent_at is null and next_at <= now() and (claimed_until is null or claimed_until <= now())
      order by next_at limit ${options.limit} for update skip locked)
    returning id, event_id, task_id, channel, title, body, priority, click_url, payload, attempts,
      case when isfinite(created_at) then extract(epoch from now() - created_at)::float8 * 1000 else 0 end as age_ms`.execute(
    db,
  );
  return rows;
}

/** The channel accepted it: never send it again. */
export async function markNotificationSent(db: Db, id: string): Promise<void> {
  await sql`update notifications set sent_at = now(), claimed_until = null, last_error = null
    where id = ${id} and sent_at is null`.execute(db);
}

/** The channel did not accept it: due again in `delayMs`; null: never (kept with its error). */
export async function markNotificationFailed(
  db: Db,
  id: string,
  failure: { error: string; delayMs: number | null },
): Promise<void> {
  const nextAt =
    failure.delayMs === null
      ? sql`'infinity'`
      : sql`now() + ${failure.delayMs}::float8 * interval '1 millisecond'`;
  await sql`update notifications set claimed_until = null, last_error = ${failure.error}, next_at = ${nextAt}
    where id = ${id} and sent_at is null`.execute(db);
}

/** Releases a row whose claimant stops before it knows the result, as if never claimed. */
export async function releaseNotification(db: Db, id: string): Promise<void> {
  await sql`update notifications set claimed_until = null, attempts = attempts - 1
    where id = ${id} and sent_at is null`.execute(db);
}

/** When the next row is due, in milliseconds from now; null when none is. */
export async function nextNotificationDelayMs(db: Db): Promise<number | null> {
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from min(greatest(next_at, coalesce(claimed_until, next_at))) - now())::float8 * 1000 as ms
    from notifications where sent_at is null and isfinite(next_at)`.execute(db);
  return rows[0]?.ms ?? null;
}
