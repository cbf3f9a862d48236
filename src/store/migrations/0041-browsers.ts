import { type Kysely, type Migration, sql } from "kysely";

/**
 * What a device may, pairing by an address, and pushes to browsers. Devices that were paired before had
 * a cookie of answer pages alone, which nothing reads any more.
 */
async function up(db: Kysely<unknown>): Promise<void> {
  await sql`delete from devices`.execute(db);
  await sql`delete from pairing`.execute(db);
  await sql`alter table devices
    add column scope text not null default 'act' check (scope in ('view', 'act'))`.execute(db);
  await sql`alter table pairing
    add column link_hash text not null,
    add column scope text not null check (scope in ('view', 'act'))`.execute(db);
  await sql`create table push_subscriptions (
    endpoint_hash text primary key,
    device_id text not null unique references devices on delete cascade,
    endpoint text not null,
    p256dh text not null,
    auth text not null,
    created_at timestamptz not null default now(),
    ok_at timestamptz,
    failures int not null default 0,
    last_error text)`.execute(db);
}

export const browsersMigration: Migration = { up };
