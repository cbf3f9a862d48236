import { sql } from "kysely";
import type { Preparation } from "../../core/task/task.ts";
import type { Db } from "../database/schema.ts";

/** The repositories that tasks were given for, the last used first, each as its last prepared task had it. */
export async function listRepositories(db: Db, limit: number) {
  const { rows } = await sql<{
    repository: string;
    tasks: number;
    lastUsedAt: Date;
    preparation: Preparation | null;
    defaultRef: string | null;
  }>`
    select r.repository, r.tasks, r.last_used_at,
      (select preparation from tasks t where t.repository = r.repository and preparation is not null
         order by created_at desc, id desc limit 1) as preparation,
      (select preparation ->> 'baseRef' from tasks t where t.repository = r.repository
         and preparation is not null and base is null
         order by created_at desc, id desc limit 1) as default_ref
    from (select repository, count(*)::int as tasks, max(created_at) as last_used_at from tasks
      group by repository order by max(created_at) desc limit ${limit}) r
    order by r.last_used_at desc`.execute(db);
  return rows;
}
