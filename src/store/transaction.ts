import {
  type CompiledQuery,
  Kysely,
  type KyselyPlugin,
  PostgresDialect,
  type PostgresPoolClient,
} from "kysely";
import type pg from "pg";
import { invariant } from "../core/invariant.ts";
import { openedWith } from "./pipeline.ts";
import type { Database, Db, Tx } from "./schema.ts";

/**
 * Transactions whose statements share their ways to the server and back. `begin` goes out with the
 * first statement, what is asked at once is sent at once (pg's pipeline mode; the server runs it one
 * after the other, in the order in which it was asked), and the last statement goes out with
 * `commit`: when it fails, the server rolls back instead. Kysely's own transactions wait for each.
 */
/**
 * `work` gets a transaction, which is committed with what it returns and rolled back when it throws.
 * `last` says, when the work is done, which statement goes out together with the commit.
 */
export async function inTransaction<T>(
  db: Db,
  work: (tx: Tx) => Promise<T>,
  last: (tx: Tx) => CompiledQuery | null = () => null,
): Promise<T> {
  const { pool, plugins } = openedWith(db);
  const client = await pool.connect();
  let isOver = false;
  let lost: Error | undefined;
  try {
    const tx = transactionOn(client, plugins, () => isOver);
    const begun = client.query("begin");
    begun.catch(() => {}); // awaited below, or told by the statement that failed with it
    const result = await work(tx);
    const told = last(tx);
    isOver = true;
    const [, , { command }] = await Promise.all([
      begun,
      told && client.query(told.sql, [...told.parameters]),
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

/** Queries on this one connection, without waiting for those before; none when it is over. */
function transactionOn(client: pg.PoolClient, plugins: KyselyPlugin[], isOver: () => boolean): Tx {
  const connection = {
    query: client.query.bind(client) as PostgresPoolClient["query"],
    release: () => {},
  };
  const connect = async () => {
    invariant(!isOver(), "a transaction is asked nothing after its end");
    return connection;
  };
  const dialect = new PostgresDialect({ pool: { connect, end: async () => {} } });
  return new Kysely<Database>({ dialect, plugins }) as Tx;
}
