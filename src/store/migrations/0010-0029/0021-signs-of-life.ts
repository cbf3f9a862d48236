import { type Kysely, type Migration, sql } from "kysely";

/** When a running attempt was last seen to do something. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table attempts add column signs jsonb`.execute(db);
}

export const signsMigration: Migration = { up };
