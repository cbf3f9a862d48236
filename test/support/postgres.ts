import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { openQueue } from "../../src/queue/open.ts";
import { openStore } from "../../src/store/database/open.ts";
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

/**
 * A fresh database on the run's PostgreSQL, with no rows and with every table of ours and the queue's:
 * a copy of one that is made once in a run. Making them from nothing is for the tests of the embedded
 * server. Drop it in afterAll, after closing your pools.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject("postgres");
  const name = `test_${randomBytes(8).toString("hex")}`;
  if (!(await copyTemplate(name))) {
    await oneAtATime("template", makeTemplate);
    await copyTemplate(name);
  }
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
    drop: () => drop(name),
  };
}

/**
 * Waits, as PostgreSQL does, until the pools that were closed are gone: a server process that is ended
 * before it has read of that reports it to a client that nobody listens to any more.
 */
async function drop(name: string): Promise<void> {
  try {
    await administer(`drop database if exists ${name}`);
  } catch (error) {
    if ((error as { code?: string }).code !== inUse) throw error;
    await administer(`drop database if exists ${name} with (force)`);
  }
}

const inUse = "55006";
const template = "template_deputy";

/** False: there is no template yet. */
async function copyTemplate(name: string): Promise<boolean> {
  try {
    await administer(`create database ${name} template ${template} strategy file_copy`);
    return true;
  } catch (error) {
    if (/template database .* does not exist/.test(String(error))) return false;
    throw error;
  }
}

async function makeTemplate(): Promise<void> {
  const server = inject("postgres");
  const draft = `${template}_draft`;
  if (await copyTemplate(draft)) {
    await administer(`drop database ${draft}`); // another process was first
    return;
  }
  await administer(`create database ${draft}`);
  const connection = { ...server, database: draft };
  const store = await openStore(connection, { onError: () => {} });
  const queue = await openQueue({
    connection: { kind: "postgres", config: connection },
    ...{ onJob: null, onError: () => {} },
  });
  await queue.close();
  await store.close();
  await administer(`alter database ${draft} rename to ${template}`);
}

/** Do what must not be done by two test processes at once, nor twice by one. */
export async function oneAtATime<T>(what: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client(inject("postgres"));
  await client.connect();
  try {
    await client.query("select pg_advisory_lock(hashtext($1))", [what]);
    return await work();
  } finally {
    await client.end();
  }
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
