import { CamelCasePlugin, Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { migrate } from "./migrate.ts";
import { makeNotifier, type Notifier } from "./notify.ts";
import { type Database, type Db, poolOf } from "./schema.ts";
import { corkWrites } from "./transaction.ts";

/** Options for `pg`: the URL of an external server, or the embedded server's socket. */
export type Connection =
  | { connectionString: string }
  | { host: string; port: number; user: string; password: string; database: string };

export type Store = {
  db: Db;
  connection: Connection;
  notifier: Notifier;
  close(): Promise<void>;
};

/**
 * Opens the database and brings its schema up to date. Two processes may do so at once: the
 * migrator holds an advisory lock. Throws a DeputyError if a newer version was here. `migrate: false` leaves the schema unchanged, and
 * `upgrade: false` refuses one of an older version. Deputy's tables
 * are in the schema `app`; the queue has its own schema.
 */
export async function openStore(
  connection: Connection,
  options: {
    maxConnections?: number;
    migrate?: boolean;
    upgrade?: boolean;
    onError: (error: Error) => void;
  },
): Promise<Store> {
  const pool = new pg.Pool({
    ...connection,
    max: options.maxConnections ?? 12,
    application_name: "deputy",
    options: "-c search_path=app",
    keepAlive: true,
    pipeline: true,
    idleTimeoutMillis: 30_000, // opening one costs more than an idle daemon's queries in that time
  });
  let isClosing = false;
  // An idle client whose server goes away emits here; without a listener the process would end. A server
  // that is stopped right after us may say so to clients that are on their way out: that is no news.
  pool.on("error", (error) => {
    if (!isClosing) options.onError(error);
  });
  pool.on("connect", (client) => {
    // A client in use emits too; its own query reports the failure.
    client.on("error", () => {});
    prepareStatements(client);
    corkWrites(client);
  });
  const plugins = [new CamelCasePlugin({ maintainNestedObjectKeys: true })];
  const dialect = new PostgresDialect({ pool });
  const db: Db = new Kysely<Database>({ dialect, plugins });
  const notifier = makeNotifier(db);
  db[poolOf] = { connect: () => pool.connect(), plugins, notifier };
  const close = async () => {
    await notifier.stop();
    isClosing = true;
    await db.destroy();
  };
  const store = { db, connection, notifier, close };
  if (options.migrate === false) return store;
  try {
    await sql`create schema if not exists app`.execute(db).catch(async (error) => {
      // Two processes may create it at the same moment: the second one finds it there.
      if (!/already exists|duplicate key/.test(String(error))) throw error;
    });
    await migrate(db, options.upgrade ?? true);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return store;
}

/**
 * Makes the server cache the plan of each statement with parameters: the same few are used
 * repeatedly, and planning one takes longer than running it.
 */
function prepareStatements(client: pg.PoolClient): void {
  const names = new Map<string, string>();
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const prepared = (text: unknown, values: unknown, ...rest: unknown[]) => {
    if (typeof text !== "string" || !Array.isArray(values) || values.length === 0)
      return query(text, values, ...rest);
    let name = names.get(text);
    if (name === undefined && names.size < maxPrepared) {
      name = `s${names.size}`;
      names.set(text, name);
    }
    return name === undefined
      ? query(text, values, ...rest)
      : query({ name, text, values }, ...rest);
  };
  client.query = prepared as typeof client.query;
}

/** Lists of different lengths make different statements: there can be more than pays to cache. */
const maxPrepared = 200;

/** NUL or half of a surrogate pair as JSON escapes them, after an even number of backslashes. */
const unstorable = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;

/**
 * A value for a JSON column. Characters that PostgreSQL refuses become U+FFFD: text cut in the
 * middle of an emoji must not keep a state from being written. Text from callers is refused at the
 * endpoint instead.
 */
export function json(value: unknown): string {
  return JSON.stringify(value).replace(unstorable, "$1\ufffd");
}
