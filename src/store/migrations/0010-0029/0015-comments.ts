import { type Kysely, type Migration, sql } from "kysely";

/**
 * Comments are messages too; each stays open until an attempt that received it is merged. The
 * caller's key makes sending idempotent.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table said
    -- file:line of a comment; null: a word to whoever works.
    add column place text,
    add column heard_by text references attempts,
    add column done_by text references attempts,
    add column key text,
    add column body_hash text`.execute(db);
  await sql`create unique index said_keys on said (task_id, key) where key is not null`.execute(db);
  await sql`create index said_of_task on said (task_id)`.execute(db);
}

export const commentsMigration: Migration = { up };
