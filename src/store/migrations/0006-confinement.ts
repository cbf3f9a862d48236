import { type Kysely, type Migration, sql } from "kysely";

/** How an attempt's commands were confined, and what they tried in vain. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table attempts add column confinement jsonb`.execute(db);
}

export const confinementMigration: Migration = { up };
