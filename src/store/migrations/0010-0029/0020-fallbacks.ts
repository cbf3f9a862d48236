import { type Kysely, type Migration, sql } from "kysely";

/**
 * Who takes over from a subtask's agent. Of tasks from before it is unknown whether their caller
 * chose the agent, so nobody does by default.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table subtasks add column fallback jsonb`.execute(db);
  await sql`alter table tasks add column agent_named boolean not null default true`.execute(db);
}

export const fallbacksMigration: Migration = { up };
