import { sql } from "kysely";
import { needsPerson } from "../../core/forge/decide-repair.ts";
import type { NewNotification } from "../../core/ledger/task-ledger.ts";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import { json } from "../database/open.ts";
import type { Db, Tx } from "../database/schema.ts";

/**
 * Notifications to people: one row per event and channel, written in the event's transaction. A row
 * is claimed for a limited time, sent and marked; it is due again when the claimant died. One that is not
 * to be sent, any more or at all, is due at `infinity` and says why. All times are the database's.
 */
export type ClaimedNotification = Omit<NewNotification, "dueInMs"> & {
  /** Includes this one. */
  attempts: number;
  /** Since it was written, or since the last time to which it was put off. */
  ageMs: number;
};

/** A claimed row with what has happened around it since it was written. */
export type DueNotification = ClaimedNotification & {
  now: Date;
  heldFrom: Date | null;
  isReplaced: boolean;
  isSettled: boolean;
  snoozedUntil: Date | null;
  lastSentAt: Date | null;
};

/** A push this old, and one that was put off, is looked at again before it is sent: what it tells may be over. */
const lateMs = 15_000;

/** Inserts the rows of an event; existing ones stay as they are. */
export async function insertNotifications(
  tx: Db | Tx,
  rows: readonly NewNotification[],
): Promise<void> {
  const due = await withoutNobody(tx, rows);
  if (due.length === 0) return;
  await tx
    .insertInto("notifications")
    .values(
      due.map(({ dueInMs = 0, ...row }) => ({
        ...row,
        payload: json(row.payload),
        nextAt: sql<Date>`now() + ${dueInMs}::float8 * interval '1 millisecond'`,
      })),
    )
    .onConflict((conflict) => conflict.columns(["eventId", "channel"]).doNothing())
    .execute();
}

/** Web Push is ready before any browser asked for it: until then there is nobody to tell. */
async function withoutNobody(
  tx: Db | Tx,
  rows: readonly NewNotification[],
): Promise<readonly NewNotification[]> {
  if (!rows.some(({ channel }) => channel === "web_push")) return rows;
  const found = await tx.selectFrom("pushSubscriptions").select("deviceId").limit(1).execute();
  return found.length > 0 ? rows : rows.filter(({ channel }) => channel !== "web_push");
}

/** Claims due rows, oldest first; no other process gets them before the lease is over. */
export async function claimDueNotifications(
  db: Db,
  options: { limit: number; leaseMs: number },
): Promise<DueNotification[]> {
  const { rows } = await sql<DueNotification>`
    with n as (
      update notifications set attempts = least(attempts::bigint + 1, 2147483647)::int,
        claimed_until = now() + ${options.leaseMs}::float8 * interval '1 millisecond'
      where id in (
        select id from notifications
        where sent_at is null and next_at <= now() and (claimed_until is null or claimed_until <= now())
        order by next_at limit ${options.limit} for update skip locked)
      returning *)
    select n.id, n.event_id, n.task_id, n.channel, n.title, n.body, n.priority, n.click_url, n.payload,
      n.attempts, n.held_from, now() as now,
      case when isfinite(n.created_at)
        then extract(epoch from now() - coalesce(n.held_until, n.created_at))::float8 * 1000 else 0 end as age_ms,
      ${isReplaced} as is_replaced,
      (n.created_at < now() - ${lateMs}::float8 * interval '1 millisecond' or n.held_until is not null
        or n.payload ->> 'again' = 'true') and ${isSettled} as is_settled,
      (select until from snoozes s where s.task_id = n.task_id and s.until > now()) as snoozed_until,
      (select max(sent_at) from notifications o
        where o.task_id = n.task_id and o.task_id <> '' and o.channel = n.channel) as last_sent_at
    from n order by n.next_at`.execute(db);
  return rows;
}

/** A later push tells how the task ended or that it needs a person, or this one only told of its plan. */
export const isReplaced = sql<boolean>`exists (select from notifications o
  where o.task_id = n.task_id and o.task_id <> '' and o.channel = n.channel
    and (o.created_at, o.id) > (n.created_at, n.id)
    and (o.payload ->> 'type' in ('task.completed', 'task.failed', 'task.needs_person')
      or n.payload ->> 'type' = 'plan.revised'))`;

/** Whether what a row tells needs nobody any more. */
const over = sql.join(terminalTaskStates.map((state) => sql.lit(state)));
export const isSettled = sql<boolean>`case n.payload ->> 'type'
  when 'question.asked' then n.payload -> 'data' -> 'question' ->> 'id' is not null and not exists (
    select from questions q join tasks t on t.id = q.task_id
    where q.id = n.payload -> 'data' -> 'question' ->> 'id' and q.answered_at is null
      and t.state not in (${over}) and t.cancel_requested_at is null)
  when 'task.completed' then not exists (select from tasks t where t.id = n.task_id
    and t.state = 'completed' and t.accepted_at is null and t.discarded_at is null and t.rolled_back_at is null)
  when 'task.needs_person' then not exists (select from tasks t where t.id = n.task_id
    and t.state = 'completed' and starts_with(t.end_detail, ${needsPerson})
    and t.accepted_at is null and t.discarded_at is null and t.rolled_back_at is null)
  when 'task.failed' then not exists (select from tasks t where t.id = n.task_id
    and t.state = 'failed' and t.discarded_at is null)
  when 'plan.revised' then not exists (select from tasks t where t.id = n.task_id and t.state not in (${over}))
  else false end`;

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

/** Puts a claimed row off, as if never claimed. `heldFrom`: a digest will stand for it. */
export async function deferNotification(
  db: Db,
  id: string,
  { heldFrom, until }: { until: Date; heldFrom: Date | null },
): Promise<void> {
  await sql`update notifications set claimed_until = null, attempts = greatest(attempts - 1, 0),
    next_at = ${until}, held_until = ${until}, held_from = ${heldFrom}
    where id = ${id} and sent_at is null`.execute(db);
}

/**
 * Makes every row that waits for a time of the settings due again, to be decided by those of today: they
 * are read at the start alone.
 */
export async function reconsiderHeld(db: Db): Promise<void> {
  await sql`update notifications set next_at = now()
    where sent_at is null and isfinite(next_at) and held_from is not null`.execute(db);
}

/** When the next row is due, in milliseconds from now; null when none is. */
export async function nextNotificationDelayMs(db: Db): Promise<number | null> {
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from min(greatest(next_at, coalesce(claimed_until, next_at))) - now())::float8 * 1000 as ms
    from notifications where sent_at is null and isfinite(next_at)`.execute(db);
  return rows[0]?.ms ?? null;
}
