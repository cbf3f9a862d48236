import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, PostgresDialect, type PostgresPool } from "kysely";
import type pg from "pg";
import { invariant } from "../../core/base/invariant.ts";
import { type Database, type Db, poolOf } from "./schema.ts";

/**
 * A database that is away for a moment, because it restarts or a connection broke, must not end what an
 * agent works on for hours. So a stage waits for it. What was not sent yet is sent once there is a
 * connection, and what only reads is sent again. A write whose connection broke may have been committed:
 * only its caller knows whether it may be repeated, and says so with `waitOut`.
 */

/** Whether the error says: no connection, a broken one, or a server that is stopping or starting. */
export function isDatabaseAway(error: unknown): boolean {
  const { code, syscall, message } = error as { code?: string; syscall?: string; message?: string };
  return (
    syscall === "connect" ||
    /^(08...|57P0[123]|EPIPE|ECONNRESET)$/.test(code ?? "") ||
    /^Connection terminated|^Client has encountered a connection error/.test(message ?? "")
  );
}

/**
 * Runs `work` again for as long as the database is away; any other error is thrown. Only for what may be
 * committed twice, or finds out that it was; `isAgain` tells it to. Once `signal` is aborted the last
 * error is thrown.
 */
export async function waitOut<T>(
  work: (isAgain: boolean) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let waitMs = firstWaitMs, isAgain = false; ; waitMs = Math.min(maxWaitMs, waitMs * 2)) {
    try {
      return await work(isAgain);
    } catch (error) {
      if (!isDatabaseAway(error) || signal?.aborted) throw error;
      isAgain = true;
      await sleep(waitMs);
    }
  }
}

const firstWaitMs = 50;
const maxWaitMs = 2_000;

/** The same database for those who would rather wait for it than fail. Closed with the one it is of. */
export function waitingForDatabase(db: Db): Db {
  const shared = db[poolOf];
  if (!shared) return db;
  const connect = () => waitOut(shared.connect);
  const pool: PostgresPool = { connect: async () => readAgain(await connect(), connect), end };
  const waiting: Db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    plugins: shared.plugins,
  });
  waiting[poolOf] = { ...shared, connect };
  return waiting;
}

const end = async () => {};

/** A connection on which what reads is sent again, on another one, where it breaks. */
function readAgain(first: pg.PoolClient, connect: () => Promise<pg.PoolClient>) {
  let client: pg.PoolClient | null = first;
  const query = (text: string, values: readonly unknown[]) => {
    invariant(client, "a connection is used before its release");
    return client.query(text, [...values]);
  };
  const read = (text: string, values: readonly unknown[]) =>
    waitOut(async (isAgain) => {
      if (isAgain) {
        client?.release(true);
        client = null;
        client = await connect();
      }
      return query(text, values);
    });
  const isRead = (text: string) => /^\s*select\b/i.test(text);
  return {
    query: ((text: string, values: readonly unknown[]) =>
      isRead(text) ? read(text, values) : query(text, values)) as never,
    release: () => client?.release(),
  };
}
