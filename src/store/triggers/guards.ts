import { sql } from "kysely";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import type { Db, Tx } from "../database/schema.ts";

/**
 * What each rule of triggers.yaml started lately, as columns of its deliveries, and the breakers that
 * opened. All times are the database's.
 */
export type Breaker = { rule: string; repository: string; reason: string; openedAt: Date };

/** Notes once that a delivery wants to start a task, and says how its rule stands. */
export async function wantTask(
  db: Db,
  about: {
    deliveryId: string;
    rule: string;
    repository: string;
    guards: { maxPerHour: number | null; maxPerDay: number | null };
  },
) {
  const { deliveryId, guards, repository, rule } = about;
  await sql`update inbox set rule = ${rule}, repository = ${repository},
    wanted_at = coalesce(wanted_at, now()) where delivery_id = ${deliveryId}`.execute(db);
  // The oldest of as many as the cap has room for: when it leaves the span, there is room again.
  const freeAt = (most: number | null, span: string) =>
    most === null
      ? sql`null::timestamptz`
      : sql`(select admitted_at + ${span}::interval from inbox
          where rule = ${rule} and admitted_at > now() - ${span}::interval
          order by admitted_at desc offset ${most - 1} limit 1)`;
  const { rows } = await sql<{
    isAdmitted: boolean;
    hasTask: boolean;
    brokenSince: Date | null;
    recent: number;
    hourFreeAt: Date | null;
    dayFreeAt: Date | null;
  }>`
    select
      coalesce((select admitted_at is not null from inbox where delivery_id = ${deliveryId}), false)
        as is_admitted,
      exists (select from idempotency_keys where key in (${deliveryId}, 'github:' || ${deliveryId}))
        as has_task,
      (select opened_at from breakers where rule = ${rule} and repository = ${repository}
        and closed_at is null) as broken_since,
      (select count(*)::int from inbox where rule = ${rule} and repository = ${repository}
        and wanted_at > greatest(now() - interval '10 minutes', (select max(closed_at) from breakers
          where rule = ${rule} and repository = ${repository}))) as recent,
      ${freeAt(guards.maxPerHour, "1 hour")} as hour_free_at,
      ${freeAt(guards.maxPerDay, "1 day")} as day_free_at`.execute(db);
  const [row] = rows;
  if (!row) throw new Error("a select without a table has one row");
  return row;
}

export async function admitDelivery(db: Db, deliveryId: string): Promise<void> {
  await sql`update inbox set admitted_at = now() where delivery_id = ${deliveryId}`.execute(db);
}

/** Null: it is open already. */
export async function insertBreaker(
  tx: Tx,
  { reason, repository, rule }: Omit<Breaker, "openedAt">,
): Promise<Breaker | null> {
  const { rows } = await sql<Breaker>`
    insert into breakers (rule, repository, reason) values (${rule}, ${repository}, ${reason})
      on conflict (rule, repository) where closed_at is null do nothing
      returning rule, repository, reason, opened_at`.execute(tx);
  return rows[0] ?? null;
}

/** Those that are open; `unswept`: only those whose queued tasks may still be there. */
export async function listBreakers(db: Db, which: "open" | "unswept"): Promise<Breaker[]> {
  const { rows } = await sql<Breaker>`
    select rule, repository, reason, opened_at from breakers
      where closed_at is null and (${which === "open"} or swept_at is null)
      order by opened_at`.execute(db);
  return rows;
}

/**
 * The tasks that a rule started in a repository, or has worked on again, or that are about the subject
 * of that name, and that no agent has begun to work on since.
 */
export async function listUnbegun(
  db: Db,
  { repository, rule }: Pick<Breaker, "rule" | "repository">,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct t.id from tasks t join inbox i on i.task_id = t.id
      where (i.rule = ${rule} and i.repository = ${repository}
          or lower(${rule}) in (lower(i.subject), lower(t.subject)))
        and t.state <> all(${[...terminalTaskStates]}::text[]) and t.cancel_requested_at is null
        and not exists (select from attempts a where a.task_id = t.id
          and (a.started_at >= coalesce(i.admitted_at, t.created_at) or a.ended_at is null))
      order by t.id`.execute(db);
  return rows.map(({ id }) => id);
}

export async function markSwept(
  db: Db,
  { repository, rule }: Pick<Breaker, "rule" | "repository">,
): Promise<void> {
  await sql`update breakers set swept_at = now() where rule = ${rule} and repository = ${repository}
    and closed_at is null`.execute(db);
}

/** Closes those of a rule. Returns how many were open. */
export async function closeBreakers(db: Db, rule: string): Promise<number> {
  const { rows } = await sql<{ rule: string }>`
    update breakers set closed_at = now() where rule = ${rule} and closed_at is null
      returning rule`.execute(db);
  return rows.length;
}

/** Those that were closed before. */
export async function deleteBreakers(db: Db, before: Date): Promise<number> {
  const { rows } = await sql<{ rule: string }>`
    delete from breakers where closed_at < ${before} returning rule`.execute(db);
  return rows.length;
}
