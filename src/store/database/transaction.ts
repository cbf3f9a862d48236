import {
  type CompiledQuery,
  Kysely,
  type KyselyPlugin,
  PostgresDialect,
  type PostgresPoolClient,
} from "kysely";
import type pg from "pg";
import { invariant } from "../../core/base/invariant.ts";
import { type Database, type Db, poolOf, type Tx } from "./schema.ts";

/**
 * Transactions in few round trips; kysely's own wait for each statement. `begin` is sent with the
 * first statement, statements that are issued at the same time are sent at once (pg's pipeline
 * mode; the server runs them one after the other, in the order in which they were issued), and the
 * last statement is sent with `commit`: when it fails, the server rolls back instead.
 */

/**
 * Runs `work` in a transaction: commits when it returns, rolls back when it throws. `last` returns
 * a statement to send together with the commit once `work` is done, or null.
 */
export async function inTransaction<T>(
  db: Db,
  work: (tx: Tx) => Promise<T>,
  last: (tx: Tx) => CompiledQuery | null = () => null,
): Promise<T> {
  const pool = db[poolOf];
  invariant(pool, "openStore opened the database of a transaction");
  const client = await pool.connect();
  let isOver = false;
  let lost: Error | undefined;
  try {
    const tx = transactionOn(client, pool.plugins, () => isOver);
    const begun = client.query("begin");
    begun.catch(() => {}); // awaited below, or reported by the statement that failed with it
    const result = await work(tx);
    const pending = last(tx);
    isOver = true;
    const [, , { command }] = await Promise.all([
      begun,
      pending && client.query(pending.sql, [...pending.parameters]),
      client.query("commit"),
    ]);
    if (command !== "COMMIT") throw new Error("the transaction was rolled back by the server");
    return result;
  } catch (error) {
    isOver = true;
    await client.query("rollback").catch((itsError: Error) => {
      lost = itsError;
    });
    throw error;
  } finally {
    client.release(lost);
  }
}

/** Queries on this one connection, each sent without waiting for the one before. */
function transactionOn(client: pg.PoolClient, plugins: KyselyPlugin[], isOver: () => boolean): Tx {
  const connection = {
    query: client.query.bind(client) as PostgresPoolClient["query"],
    release: () => {},
  };
  const connect = async () => {
    invariant(!isOver(), "no statement is issued in a transaction after its end");
    return connection;
  };
  const dialect = new PostgresDialect({ pool: { connect, end: async () => {} } });
  return new Kysely<Database>({ dialect, plugins }) as Tx;
}

/**
 * Send the statements of one turn of the event loop with one write: each write wakes the server,
 * which competes for the processor.
 */
export function corkWrites(client: pg.PoolClient): void {
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
