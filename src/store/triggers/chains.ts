import { sql } from "kysely";
import type { Db } from "../database/schema.ts";

/** Since when each rule that follows tasks is in force: what ended before is not followed. */
export async function syncChains(db: Db, rules: readonly string[]): Promise<void> {
  await sql`delete from chains where rule <> all(${[...rules]}::text[])`.execute(db);
  await sql`insert into chains (rule) select unnest(${[...rules]}::text[])
    on conflict do nothing`.execute(db);
}

/**
 * Tasks that ended so since the rule is in force, and that have no delivery for it yet, oldest first.
 * A rule does not follow tasks that it started itself.
 */
export async function listEndedFor(
  db: Db,
  about: { rule: string; state: string; after: string | null; from: string | null },
) {
  const { after, from, rule, state } = about;
  const { rows } = await sql<{
    id: string;
    goal: string;
    branch: string | null;
    endDetail: string | null;
    depth: number;
  }>`
    select t.id, t.goal, t.branch, t.end_detail,
        coalesce((t.origin ->> 'depth')::float8, 0)::int as depth
      from tasks t
        join chains c on c.rule = ${rule} and t.ended_at > c.since
        left join inbox i on i.task_id = t.id and i.admitted_at is not null
      where t.state = ${state} and i.rule is distinct from ${rule}
        and (${after}::text is null or i.rule = ${after})
        and (${from}::text is null or t.repository = ${from})
        and not exists (
          select from inbox d where d.delivery_id = 'tasks:' || ${rule}::text || ':' || t.id)
      order by t.ended_at limit 100`.execute(db);
  return rows;
}
