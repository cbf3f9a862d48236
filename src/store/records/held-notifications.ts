import { sql } from "kysely";
import type { Db, Tx } from "../database/schema.ts";
import { isReplaced, isSettled } from "../pushes/notifications.ts";

/** The pushes that were held while it was quiet, for the digest that stands for them. */
export type Held = {
  type: string;
  title: string;
  priority: number;
  at: Date;
  heldFrom: Date;
  /** What it tells is still so, and no later push of its task tells more. */
  isOpen: boolean;
};

/** Closes all that were held for a channel but those of snoozed tasks, and says what of it is so now. */
export async function closeHeld(tx: Tx, channel: string): Promise<Held[]> {
  const { rows } = await sql<Held>`
    with n as (
      update notifications set next_at = 'infinity', claimed_until = null, last_error = 'in a digest'
      where channel = ${channel} and held_from is not null and sent_at is null and isfinite(next_at)
        and not exists (select from snoozes s where s.task_id = notifications.task_id and s.until > now())
      returning *)
    select n.payload ->> 'type' as type, n.title, n.priority, n.created_at as at, n.held_from,
      not (${isReplaced}) and not (${isSettled}) as is_open
    from n order by n.created_at`.execute(tx);
  return rows;
}

/** Dollars of the runs that began since. */
export async function readSpentSince(db: Db | Tx, since: Date): Promise<number> {
  const { rows } = await sql<{ usd: string }>`
    select coalesce(sum(cost_usd), 0) as usd from usage where first_at >= ${since}`.execute(db);
  return Number(rows[0]?.usd ?? 0);
}
