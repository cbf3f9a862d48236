import { type Kysely, type Migration, sql } from "kysely";

/** How an attempt's commands were confined, and which accesses were denied. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table attempts add column confinement jsonb`.execute(db);
}

export const confinementMigration: Migration = { up };
