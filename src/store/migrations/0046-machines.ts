import { type Kysely, type Migration, sql } from "kysely";

/** What a process says of itself when it registers; null: it is of an earlier version. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table processes add column version text, add column slots int`.execute(db);
}

export const machinesMigration: Migration = { up };
