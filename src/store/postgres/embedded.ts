import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DeputyError } from "../../core/base/error.ts";
import { isProcessAlive } from "../../sandbox/process/process-identity.ts";
import { type Cluster, findCluster, openCluster } from "./embedded-cluster.ts";
import { type Connection, waitUntilAnswering } from "./embedded-connect.ts";
import { checkDataVersion, createDataDirectory, removeAbandonedRooms } from "./embedded-initdb.ts";
import {
  hasLostItsProgram,
  inspectPidFile,
  launchPostmaster,
  logSize,
  readLogTail,
  stopPostmaster,
} from "./embedded-process.ts";
import {
  findShippedBinaries,
  type PostgresBinaries,
  prepareBinaries,
} from "./postgres-binaries.ts";

/**
 * The database of a machine that has none: a real PostgreSQL on a unix socket that only its user
 * can open. The server is independent of the daemon: it outlives a killed daemon, and the next one
 * adopts it. Starting is therefore one loop, safe to enter from any state:
 *
 *   a server of ours runs      -> wait until it answers (it may be recovering)        -> adopted
 *   it is on its way down      -> wait until it is gone, look again
 *   its program or socket was
 *   deleted under it           -> stop it, look again
 *   none runs                  -> start one; when another process was faster, look again
 *
 * Two processes at once need no lock of ours: initdb's result is put in place by a rename, and
 * PostgreSQL's own lock file lets only one server live.
 *
 * Files: embedded-cluster (where, and as whom), embedded-initdb (the data), embedded-process (the
 * server as a process), embedded-connect (does it answer), postgres-binaries (its programs).
 */
export type EmbeddedPostgres = {
  /** Options for `pg.Pool`. */
  connection: Connection;
  /** Whether it was already running. */
  adopted: boolean;
  pid: number;
  /** Folder of its data. */
  dataDirectory: string;
  /** `pg_ctl stop -m fast`. Does nothing when the server is gone. */
  stop(): Promise<void>;
};

const maxStarts = 20;

/**
 * Creates, starts or adopts the database of this home. Throws a DeputyError that says what to do
 * when this machine cannot run one. `fsync: false` is for tests: faster, but a crash of the machine
 * loses the data. `adoptOnly` starts none: an `unavailable` DeputyError says that none runs.
 */
export async function startEmbeddedPostgres(options: {
  home: string;
  log: (message: string) => void;
  fsync?: boolean;
  adoptOnly?: boolean;
}): Promise<EmbeddedPostgres> {
  const { log, fsync = true, adoptOnly = false } = options;
  if (adoptOnly && !(await hasDatabase(options.home))) throw notRunning(options.home);
  const cluster = await openCluster(options.home);
  const binaries = await prepareBinaries(cluster.user, cluster.copies, log);
  await removeAbandonedRooms(cluster);
  if (!existsSync(cluster.dataDirectory)) {
    log(`making a PostgreSQL database in ${cluster.dataDirectory}`);
    await createDataDirectory(cluster, binaries, { fsync });
  }
  checkDataVersion(cluster, binaries);
  await rotateLog(cluster);

  let startedPid: number | null = null;
  for (let starts = 0; starts < maxStarts; ) {
    const found = await inspectPidFile(cluster.dataDirectory);
    if (found.kind === "ours") {
      const { pid } = found.postmaster.process;
      if (!adoptOnly && hasLostItsProgram(pid)) {
        log(`restarting PostgreSQL ${pid}: its program was deleted`);
        await stop(cluster, binaries);
        continue;
      }
      const answer = await waitUntilAnswering(cluster, found.postmaster.process, log);
      if (answer.kind === "answers") {
        const adopted = pid !== startedPid;
        log(`${adopted ? "adopted" : "started"} PostgreSQL ${pid}`);
        const { connection } = answer;
        const { dataDirectory } = cluster;
        return { connection, adopted, pid, dataDirectory, stop: () => stop(cluster, binaries) };
      }
      if (answer.kind === "unreachable" && !adoptOnly) {
        log(`restarting PostgreSQL ${pid}: ${answer.reason}`);
        await stop(cluster, binaries);
      } else if (answer.kind === "unreachable") throw notRunning(options.home);
      continue;
    }

    if (adoptOnly) throw notRunning(options.home);
    starts++;
    const logFrom = logSize(cluster);
    const stalePid = found.kind === "stale" ? found.pid : null;
    const started = await launchPostmaster(cluster, binaries, { fsync, stalePid });
    if (typeof started === "object") {
      startedPid = started.pid;
      // The file lacks the pid until the server has written it: wait until it does, or dies.
      while (isProcessAlive(started)) {
        const now = await inspectPidFile(cluster.dataDirectory);
        if (now.kind === "ours") break;
        await sleep(10);
      }
      if (isProcessAlive(started)) continue;
    }
    const words = (await readLogTail(cluster, logFrom)) || (typeof started === "string" && started);
    const another = await inspectPidFile(cluster.dataDirectory);
    if (another.kind === "ours" || isPassing(words || "")) {
      await sleep(another.kind === "ours" ? 10 : 500);
      continue;
    }
    throw notStarting(cluster, words || "it said nothing");
  }
  throw notStarting(cluster, await readLogTail(cluster, 0));
}

async function hasDatabase(home: string): Promise<boolean> {
  const cluster = await findCluster(home);
  return cluster !== null && existsSync(cluster.dataDirectory);
}

/** The status that `deputy doctor` reports. Reading it starts and changes nothing. */
export type EmbeddedStatus = {
  /** Folder of PostgreSQL's programs, or null with the reason in `problem`. */
  binaries: string | null;
  version: string | null;
  problem: string | null;
} & (
  | { state: "absent" }
  | { state: "stopped"; dataDirectory: string; logPath: string; user: string | null }
  | { state: "running"; dataDirectory: string; logPath: string; user: string | null; pid: number }
);

export async function describeEmbeddedPostgres(home: string): Promise<EmbeddedStatus> {
  let shipped: PostgresBinaries | null = null;
  let cluster: Cluster | null = null;
  let problem: string | null = null;
  try {
    shipped = await findShippedBinaries();
    cluster = await findCluster(home);
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    problem = error.message;
  }
  const common = {
    binaries: shipped?.directory ?? null,
    version: shipped?.version ?? null,
    problem,
  };
  if (!cluster || !existsSync(cluster.dataDirectory)) return { ...common, state: "absent" };
  const { dataDirectory, logPath, userName: user } = cluster;
  const found = await inspectPidFile(dataDirectory);
  if (found.kind !== "ours") return { ...common, state: "stopped", dataDirectory, logPath, user };
  const { pid } = found.postmaster.process;
  return { ...common, state: "running", dataDirectory, logPath, user, pid };
}

/**
 * Stops the database of this home and deletes it, wherever it lies. For the temporary homes of the
 * demo and the tests: deleting the home alone would leave root's in /var/lib/deputy.
 */
export async function removeEmbeddedPostgres(home: string): Promise<void> {
  const cluster = await findCluster(home);
  if (!cluster) return;
  if (existsSync(cluster.dataDirectory)) {
    const binaries = await prepareBinaries(cluster.user, cluster.copies, () => {});
    await stop(cluster, binaries);
  }
  await rm(cluster.socketDirectory, { recursive: true, force: true });
  await rm(cluster.directory, { recursive: true, force: true });
  await rm(join(cluster.home, "pg"), { recursive: true, force: true });
}

async function stop(cluster: Cluster, binaries: PostgresBinaries): Promise<void> {
  const trouble = await stopPostmaster(cluster, binaries);
  if (trouble === null) return;
  throw new DeputyError(
    "unavailable",
    `The embedded PostgreSQL in ${cluster.dataDirectory} does not stop: ${trouble}; see ${cluster.logPath}.`,
  );
}

/** Errors that pass by themselves: another start, or the last children of a killed server. */
function isPassing(words: string): boolean {
  return /lock file ".*" already exists|pre-existing shared memory block/.test(words);
}

function notRunning(home: string): DeputyError {
  return new DeputyError("unavailable", `No daemon runs on ${home}; start one with deputy up.`);
}

function notStarting(cluster: Cluster, words: string): DeputyError {
  return new DeputyError(
    "unavailable",
    `The embedded PostgreSQL in ${cluster.dataDirectory} does not start; its log ${cluster.logPath} ends with: ${words}`,
  );
}

/** One old log is kept; the server appends for as long as it runs. */
async function rotateLog(cluster: Cluster): Promise<void> {
  if (logSize(cluster) > 10 * 1024 * 1024) await rename(cluster.logPath, `${cluster.logPath}.1`);
}
