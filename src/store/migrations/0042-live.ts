import { type Kysely, type Migration, sql } from "kysely";

/**
 * The transaction of each event, by which one reader finds what was committed since it last looked, in
 * whatever order; and what a comment on lines is bound to. Rows from before count as of this migration.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table events
    add column xid xid8 not null default pg_current_xact_id()`.execute(db);
  await sql`create index events_by_xid on events (xid, task_id)`.execute(db);
  // Lists of tasks by their last change, and of one repository.
  await sql`create index tasks_by_update on tasks (updated_at desc, id desc)`.execute(db);
  await sql`create index tasks_by_repository on tasks (repository, created_at desc, id desc)`.execute(
    db,
  );
  // Cursors are of this series of transactions; another follows where rows came from another server.
  await sql`create table event_stream (series text not null)`.execute(db);
  await sql`insert into event_stream values (left(md5(random()::text), 8))`.execute(db);
  await sql`alter table messages
    -- What a person wrote once keeps its id in each copy for another subtask.
    add column comment_id text,
    -- old: lines as they were before the change.
    add column side text,
    -- The tree that was shown.
    add column tree text`.execute(db);
}

export const liveMigration: Migration = { up };
