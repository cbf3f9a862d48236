import { sql } from "kysely";
import type { DeliveryView } from "../../core/page/triggers.ts";
import type { Db } from "../database/schema.ts";

/** The last deliveries, the newest first; `rule`: those that wanted a task of this rule. */
export async function listDeliveries(
  db: Db,
  rule: string | null,
  limit: number,
): Promise<DeliveryView[]> {
  const { rows } = await sql<DeliveryView>`
    select delivery_id as id, source, event, action, rule, received_at as at, result, task_id as task
    from inbox where ${rule}::text is null or rule = ${rule}
    order by received_at desc, delivery_id desc limit ${limit}`.execute(db);
  return rows;
}

/** How many tasks each rule was let start in the last 24 hours. */
export async function countAdmitted(db: Db): Promise<Map<string, number>> {
  const { rows } = await sql<{ rule: string; n: number }>`
    select rule, count(*)::int as n from inbox
    where rule is not null and admitted_at > now() - interval '1 day' group by rule`.execute(db);
  return new Map(rows.map(({ n, rule }) => [rule, n]));
}
