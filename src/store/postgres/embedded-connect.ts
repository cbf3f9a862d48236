import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { DeputyError } from "../../core/base/error.ts";
import { isProcessAlive, type ProcessIdentity } from "../../sandbox/process/process-identity.ts";
import type { Cluster } from "./embedded-cluster.ts";
import { inspectPidFile } from "./embedded-process.ts";

/**
 * Whether the server answers. A live process is not yet a database: it may be replaying its log
 * after a crash (57P03, for as long as that takes), shutting down, or unreachable because its
 * socket was deleted. Each case ends differently.
 */
export type Connection = {
  /** The folder of its unix socket. */
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
};

type Answer =
  | { kind: "answers"; connection: Connection }
  /** The process ended: the caller looks again. */
  | { kind: "gone" }
  /** It lives but cannot be reached, and waiting does not help. */
  | { kind: "unreachable"; reason: string };

const unreachableAfterMs = 20_000;
const recoveringAtMostMs = 30 * 60_000;

/** Waits until exactly this server takes queries; its database `deputy` exists then. */
export async function waitUntilAnswering(
  cluster: Cluster,
  server: ProcessIdentity,
  log: (message: string) => void,
): Promise<Answer> {
  const since = performance.now();
  let silentSince = since;
  let saidSo = false;
  while (isProcessAlive(server)) {
    const found = await inspectPidFile(cluster.dataDirectory);
    const postmaster = found.kind === "ours" ? found.postmaster : null;
    if (postmaster && postmaster.process.pid !== server.pid) return { kind: "gone" };
    const connection = {
      // An adopted server may have been started with another socket folder than ours would be.
      host: postmaster?.socketDirectory ?? cluster.socketDirectory,
      port: postmaster?.port ?? 5432,
      user: "deputy",
      password: cluster.password,
      database: "deputy",
    };
    const trouble = await prepareDatabase(connection, cluster);
    if (trouble === null) return { kind: "answers", connection };
    const now = performance.now();
    if (trouble.code === "57P03") {
      silentSince = now;
      if (now - since > recoveringAtMostMs) return { kind: "unreachable", reason: trouble.message };
      if (!saidSo && now - since > 2_000) log(`waiting for PostgreSQL: ${trouble.message}`);
      saidSo ||= now - since > 2_000;
    }
    // The server reports ready, but the socket is missing: it was deleted.
    const cutOff = trouble.code === "ENOENT" && postmaster?.ready === true;
    const patienceMs = cutOff ? 2_000 : unreachableAfterMs;
    if (now - silentSince > patienceMs) return { kind: "unreachable", reason: trouble.message };
    await sleep(20);
  }
  return { kind: "gone" };
}

/** Null when the server of our data answers, else the error. Throws what waiting cannot fix. */
async function prepareDatabase(
  connection: Connection,
  cluster: Cluster,
): Promise<{ code: string | null; message: string } | null> {
  const client = new pg.Client({
    ...connection,
    database: "postgres",
    connectionTimeoutMillis: 10_000,
  });
  client.on("error", () => {}); // a connection that breaks later fails the query below
  try {
    await client.connect();
    const identity = await client.query<{ directory: string; made: boolean }>(
      `select current_setting('data_directory') as directory,
              exists (select from pg_database where datname = $1) as made`,
      [connection.database],
    );
    const row = identity.rows[0];
    if (row?.directory !== cluster.dataDirectory) {
      throw new DeputyError(
        "conflict",
        `Another database answers on ${connection.host}: ${row?.directory}, and not ${cluster.dataDirectory}.`,
      );
    }
    if (!row.made) {
      await client.query(`create database ${client.escapeIdentifier(connection.database)}`);
    }
    return null;
  } catch (error) {
    if (error instanceof DeputyError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "42P04" || code === "23505") return null; // another process created it first
    if (code === "28P01" || code === "28000") {
      throw new DeputyError(
        "conflict",
        `The database in ${cluster.dataDirectory} refuses the password in ${cluster.home}/pg/cluster.json; put back the file that was made with it.`,
      );
    }
    return { code: code ?? null, message };
  } finally {
    await client.end().catch(() => {}); // it never connected, or broke: nothing to end
  }
}
