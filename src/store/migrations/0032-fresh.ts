import { type Kysely, type Migration, sql } from "kysely";

/** Tasks that use neither a kept setup nor a kept baseline. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table tasks add column fresh boolean not null default false`.execute(db);
}

export const freshMigration: Migration = { up };
