import type { Config } from "../config/config.ts";
import { DeputyError } from "../core/base/error.ts";
import { openStore, type Store } from "../store/database/open.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../store/postgres/embedded.ts";
import { ping } from "../store/tasks/tasks.ts";
import type { Log } from "./home/log.ts";

/** The database: an external one when DATABASE_URL is set, else this home's embedded server. */
export type Database = {
  store: Store;
  kind: "embedded" | "DATABASE_URL";
  /** The embedded server's data folder; null for an external server. */
  dataDirectory: string | null;
  /** Restarts the embedded server if need be, and pings the database; throws while that fails. */
  revive(): Promise<void>;
  ready(): Promise<{ ready: boolean; problems: string[] }>;
  /** Stops the embedded server. An external one is left alone. */
  stop(): Promise<void>;
};

/** Only a daemon starts the embedded server: a worker joins a running one. */
export async function openDatabase(
  config: Config,
  log: Log,
  kind: "daemon" | "worker",
): Promise<Database> {
  let embedded: EmbeddedPostgres | null = null;
  const startEmbedded = async () => {
    const server = await startEmbeddedPostgres({
      home: config.home,
      adoptOnly: kind === "worker",
      log: (message) => log.debug(message),
    });
    if (server.adopted)
      log.info({ pid: server.pid }, "adopted the embedded database, which was still running");
    return server;
  };
  if (!config.databaseUrl) embedded = await startEmbedded();
  const connection = embedded?.connection ?? { connectionString: config.databaseUrl ?? "" };
  const explain = async (error: unknown) => {
    // One that refuses its database leaves no server behind that was not there before.
    if (embedded && !embedded.adopted) await embedded.stop();
    throw config.databaseUrl ? explainRefusal(config.databaseUrl, error) : error;
  };
  const store = await openStore(connection, {
    // Claims, progress and the API share these; the listener and the process's lock have their own.
    maxConnections: 16,
    // A worker does not change the schema under a daemon of an older version.
    upgrade: kind === "daemon",
    onError: (error) => log.warn({ err: error }, "a database connection broke"),
  }).catch(explain);
  return {
    store,
    kind: embedded ? "embedded" : "DATABASE_URL",
    dataDirectory: embedded?.dataDirectory ?? null,
    revive: async () => {
      if (embedded) embedded = await startEmbedded();
      await ping(store.db);
    },
    ready: async () => {
      try {
        await ping(store.db);
        return { ready: true, problems: [] };
      } catch (error) {
        return {
          ready: false,
          problems: [`the database does not answer: ${(error as Error).message}`],
        };
      }
    },
    stop: async () => {
      await embedded?.stop();
    },
  };
}

/** A sentence for an external server that cannot be reached or refuses us, else the error. */
function explainRefusal(databaseUrl: string, error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  // No connection; no such user, database or right.
  if (!/^(E[A-Z_]+|28...|3D000|42501)$/.test(code ?? "")) return error;
  const where = URL.canParse(databaseUrl) ? new URL(databaseUrl).host : "the given place";
  return new DeputyError(
    "unavailable",
    `The database of DATABASE_URL at ${where} cannot be used: ${message || code}. Start it, or correct the URL.`,
  );
}
