import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import type { EmbeddedPostgres } from "../../src/store/postgres/embedded.ts";

export type TestDatabase = {
  /** What `pg.Pool` takes. */
  connection: EmbeddedPostgres["connection"];
  /** The same as a DATABASE_URL. */
  url: string;
  /** One statement on a connection of its own. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Throws everybody out and deletes it. */
  drop(): Promise<void>;
};

/** A fresh, empty database on the run's PostgreSQL. Drop it in afterAll, after closing your pools. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject("postgres");
  const name = `test_${randomBytes(8).toString("hex")}`;
  await administer(`create database ${name}`);
  const { host, port, user, password } = server;
  return {
    connection: { ...server, database: name },
    url: `postgresql://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}&port=${port}`,
    query: async <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) => {
      const client = new pg.Client({
        ...server,
        database: name,
        options: "-c search_path=app,public",
      });
      await client.connect();
      try {
        return (await client.query<Row>(sql, values)).rows;
      } finally {
        await client.end();
      }
    },
    drop: () => administer(`drop database if exists ${name} with (force)`),
  };
}

async function administer(sql: string): Promise<void> {
  const client = new pg.Client(inject("postgres"));
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
