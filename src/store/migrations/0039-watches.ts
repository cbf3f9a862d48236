import { type Kysely, type Migration, sql } from "kysely";

/** What each watch saw last: of which files, and whether its command was green on them. */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table watches (
    rule text primary key,
    -- Another one whenever the watch begins anew: its events are named after it.
    id text not null,
    definition text not null,
    -- Of the content that was looked at; null: none was yet.
    state text,
    commit text,
    result text constraint watches_result check (result in ('green', 'red')),
    failing jsonb not null default '[]',
    is_named boolean not null default false,
    detail text,
    trouble text,
    events int not null default 0,
    delivery_id text,
    seen_at timestamptz not null default now())`.execute(db);
}

export const watchesMigration: Migration = { up };
