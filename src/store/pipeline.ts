import { Kysely, type KyselyPlugin, PostgresDialect, type PostgresPoolClient } from "kysely";
import type pg from "pg";
import { invariant } from "../core/invariant.ts";
import type { Database, Db, Tx } from "./schema.ts";

/**
 * A way to the server and back wakes another process twice, which on a busy machine costs more than
 * most statements. So what is asked at the same time goes there together: `together(db)` is for
 * short statements that wait for no lock, and has all that are under way share a connection in pg's
 * pipeline mode. They are answered in the order in which they were asked.
 */
type Opened = { pool: pg.Pool; plugins: KyselyPlugin[]; shared: Db };
const opened = new WeakMap<Db, Opened>();

/** Make `together` and `inTransaction` work on what was opened with this pool. */
export function keepPool(db: Db, pool: pg.Pool, plugins: KyselyPlugin[]): void {
  opened.set(db, { pool, plugins, shared: shareConnection(pool, plugins) });
}

export function openedWith(db: Db): Opened {
  const found = opened.get(db);
  invariant(found, "a transaction is of what openStore opened");
  return found;
}

/** The same database for short statements that lock nothing; a transaction is itself. */
export function together(db: Db | Tx): Db | Tx {
  return opened.get(db)?.shared ?? db;
}

/** Who comes later than so many takes another connection: a slow answer keeps few others waiting. */
const maxUnderWay = 32;

function shareConnection(pool: pg.Pool, plugins: KyselyPlugin[]): Db {
  type Shared = { client: Promise<pg.PoolClient>; underWay: number; lost?: Error };
  let current: Shared | null = null;
  const query = async (text: string, values: unknown[]) => {
    if (current === null || current.underWay >= maxUnderWay)
      current = { client: pool.connect(), underWay: 0 };
    const mine = current;
    mine.underWay++;
    try {
      return await (await mine.client).query(text, values);
    } catch (error) {
      // Not an error of the statement: nobody is to come to this connection any more.
      if ((error as { severity?: string }).severity !== "ERROR") mine.lost = error as Error;
      if (mine.lost && current === mine) current = null;
      throw error;
    } finally {
      mine.underWay--;
      if (mine.underWay === 0) {
        if (current === mine) current = null;
        // Whoever waited for a connection that could not be had was told so.
        mine.client.then((client) => client.release(mine.lost)).catch(() => {});
      }
    }
  };
  // Nobody asks for a cursor, which is the other thing that a client can be asked for.
  const connection = { query: query as unknown as PostgresPoolClient["query"], release: () => {} };
  const dialect = new PostgresDialect({
    pool: { connect: async () => connection, end: async () => {} },
  });
  return new Kysely<Database>({ dialect, plugins });
}

/**
 * What is sent within one turn of the event loop is written at once: each write wakes the server,
 * which takes the processor from us.
 */
export function writeTogether(client: pg.PoolClient): void {
  const { stream } = (client as pg.Client).connection;
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  let isCorked = false;
  const corked = (...args: unknown[]) => {
    if (!isCorked) {
      isCorked = true;
      stream.cork();
      process.nextTick(() => {
        isCorked = false;
        stream.uncork();
      });
    }
    return query(...args);
  };
  client.query = corked as typeof client.query;
}
