import { type Kysely, type Migration, sql } from "kysely";

/** Renames processes and their children, messages to agents, rate-limit windows and compaction. */
async function up(db: Kysely<unknown>): Promise<void> {
  const run = (query: ReturnType<typeof sql>) => query.execute(db);
  await run(sql`alter table processes rename to child_processes`);
  await run(sql`alter table child_processes rename column boot_id to process_id`);
  await run(sql`alter table boots rename to processes`);
  await run(sql`alter table attempts rename column boot_id to process_id`);
  await run(sql`alter table said rename to messages`);
  await run(sql`alter table messages rename column said_at to sent_at`);
  await run(sql`alter table messages rename column heard_at to delivered_at`);
  await run(sql`alter table messages rename column heard_by to delivered_to`);
  await run(sql`alter index said_keys rename to messages_keys`);
  await run(sql`alter index said_of_task rename to messages_of_task`);
  await run(sql`alter index said_unheard rename to messages_pending`);
  await run(sql`update attempts set failure = 'rate_limit_window' where failure = 'usage_window'`);
  await run(sql`update events set type = 'task.messaged' where type = 'task.told'`);
  await run(
    sql`update transcript set entry = jsonb_set(entry, '{role}', '"compaction"')
      where entry ->> 'role' = 'handoff'`,
  );
}

export const wordsMigration: Migration = { up };
