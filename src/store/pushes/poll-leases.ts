import { sql } from "kysely";
import type { Db } from "../database/schema.ts";

/**
 * What only one process may read (the updates of a bot) is leased to one, by name. A lease ends by its time, by
 * being given back, or with its process.
 */
export async function takePollLease(
  db: Db,
  lease: { name: string; processId: string; seconds: number },
): Promise<boolean> {
  const { name, processId, seconds } = lease;
  const { rows } = await sql<{ processId: string }>`
    insert into poll_leases as l (name, process_id, until)
    values (${name}, ${processId}, now() + ${seconds}::float8 * interval '1 second')
    on conflict (name) do update set process_id = excluded.process_id, until = excluded.until
      where l.process_id = excluded.process_id or l.until < now() or not exists (
        select from processes p where p.id = l.process_id and p.ended_at is null)
    returning process_id`.execute(db);
  return rows.length > 0;
}

export async function dropPollLease(db: Db, name: string, processId: string): Promise<void> {
  await db
    .deleteFrom("pollLeases")
    .where("name", "=", name)
    .where("processId", "=", processId)
    .execute();
}
