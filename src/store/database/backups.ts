import { type Kysely, sql } from "kysely";
import type { Db } from "./schema.ts";

/**
 * What a migration changes is copied before, into the schema `backup_` and its name: plain tables
 * with the rows as they were, without indexes and constraints, for a person who has to look up or
 * bring back what an upgrade got wrong. Same transaction: they exist exactly if the migration does.
 */

/** Copies those of the tables that exist and have rows; of a fresh database none has. */
export async function backUpTables(
  tx: Kysely<unknown>,
  migration: string,
  tables: readonly string[],
): Promise<void> {
  const schema = sql.id(schemaOf(migration));
  for (const table of tables) {
    if (!(await hasRows(tx, table))) continue;
    await sql`create schema if not exists ${schema}`.execute(tx);
    await sql`create table ${schema}.${sql.id(table)} as table app.${sql.id(table)}`.execute(tx);
  }
}

/** Deletes the copies of migrations that ran before. Returns their number. */
export async function deleteBackups(db: Db, before: Date): Promise<number> {
  const { rows } = await sql<{ name: string; at: string }>`
    select name, timestamp as at from app.kysely_migration`.execute(db);
  const old = rows.filter(({ at }) => new Date(at) < before).map(({ name }) => schemaOf(name));
  const { rows: found } = await sql<{ schema: string }>`
    select nspname as schema from pg_namespace where nspname = any(${old}::text[])`.execute(db);
  for (const { schema } of found) await sql`drop schema ${sql.id(schema)} cascade`.execute(db);
  return found.length;
}

function schemaOf(migration: string): string {
  return `backup_${migration.replaceAll("-", "_")}`;
}

async function hasRows(tx: Kysely<unknown>, table: string): Promise<boolean> {
  const { rows: tables } = await sql<{ found: boolean }>`
    select to_regclass(${`app.${table}`}) is not null as found`.execute(tx);
  if (!tables[0]?.found) return false;
  const { rows } = await sql<{ found: boolean }>`
    select exists (select 1 from app.${sql.id(table)}) as found`.execute(tx);
  return rows[0]?.found ?? false;
}
