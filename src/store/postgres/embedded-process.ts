import { existsSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import { identifyProcess, type ProcessIdentity } from "../../sandbox/process/process-identity.ts";
import { runCommand } from "../../sandbox/process/run-command.ts";
import type { Cluster } from "./embedded-cluster.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";

/**
 * The server as a process. PostgreSQL writes its pid to data/postmaster.pid, but a pid alone proves
 * nothing: after a crash or in a new container it may name any process. A process is our server
 * only when its command line holds our data folder; no other is ever signalled or waited for.
 *
 * The server must outlive the daemon, so it is started as a background process of a shell that
 * exits at once: in a session of its own, its output in its own log.
 */
type Postmaster = {
  process: ProcessIdentity;
  /** Null until the starting server has written that line. */
  socketDirectory: string | null;
  port: number;
  ready: boolean;
};

type PidFile =
  | { kind: "none" }
  /** Left by a dead server. Another process may have its pid now, or it is an unreaped zombie. */
  | { kind: "stale"; pid: number }
  | { kind: "ours"; postmaster: Postmaster };

/** Reads postmaster.pid and inspects the process that it names. */
export async function inspectPidFile(dataDirectory: string): Promise<PidFile> {
  let lines: string[];
  try {
    lines = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "none" };
    throw error;
  }
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isInteger(pid) || pid === 0) return { kind: "none" }; // just being written
  const found = identifyProcess(pid);
  if (!found || !(await servesDataDirectory(pid, dataDirectory))) return { kind: "stale", pid };
  return {
    kind: "ours",
    postmaster: {
      process: found,
      port: Number(lines[3]) || 5432,
      socketDirectory: lines[4]?.trim() || null,
      ready: lines[7]?.trim() === "ready",
    },
  };
}

async function servesDataDirectory(pid: number, dataDirectory: string): Promise<boolean> {
  if (existsSync("/proc/self/cmdline")) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return basename(argv[0] ?? "").startsWith("postgres") && argv.includes(dataDirectory);
    } catch {
      return false; // gone meanwhile
    }
  }
  const ps = await runCommand({
    argv: ["ps", "-ww", "-o", "command=", "-p", String(pid)],
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    timeoutMs: 10_000,
  });
  return ps.stdout.includes("postgres") && ps.stdout.includes(` ${dataDirectory} `);
}

/** Whether the running server's program was deleted: it can then load none of its libraries. */
export function hasLostItsProgram(pid: number): boolean {
  try {
    const program = readlinkSync(`/proc/${pid}/exe`);
    return program.endsWith(" (deleted)") && !existsSync(program.slice(0, -" (deleted)".length));
  } catch {
    return false; // no /proc, or not readable: leave the server as it is
  }
}

/**
 * Modest values, passed at each start instead of kept in a file, so that a newer Deputy's settings
 * reach an older database. Nothing listens on the network.
 */
function settings(cluster: Cluster, fsync: boolean): string[] {
  const values: Record<string, string | number> = {
    listen_addresses: "",
    port: 5432,
    unix_socket_directories: `"${cluster.socketDirectory.replaceAll('"', '""')}"`,
    unix_socket_permissions: "0700",
    max_connections: 200,
    shared_buffers: "64MB",
    io_method: "sync",
    max_wal_size: "256MB",
    wal_level: "minimal",
    max_wal_senders: 0,
    commit_delay: 1_000, // µs; where five transactions are open, their commits share a write
    max_parallel_workers_per_gather: 0,
    jit: "off",
    log_checkpoints: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    lc_messages: "C",
  };
  if (!fsync) {
    Object.assign(values, { fsync: "off", synchronous_commit: "off", full_page_writes: "off" });
  }
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/**
 * Starts a server and returns its process, or the error; the caller watches whether it comes up.
 *
 * `stalePid` is the pid that inspectPidFile called stale. The server would take the process that
 * has it now for a running server; PG_GRANDPARENT_PID exists to exempt exactly such a pid. The file
 * itself is never touched: PostgreSQL's own interlock (the lock file and the shared memory block
 * that it names) stays whole, so two starts cannot make two servers.
 */
export async function launchPostmaster(
  cluster: Cluster,
  binaries: PostgresBinaries,
  options: { fsync: boolean; stalePid: number | null },
): Promise<ProcessIdentity | string> {
  const script = 'umask 077; "$0" "$@" </dev/null >>"$DEPUTY_POSTGRES_LOG" 2>&1 & echo $!';
  const started = await runCommand({
    argv: [
      "/bin/sh",
      "-c",
      script,
      binaries.postgres,
      "-D",
      cluster.dataDirectory,
      ...settings(cluster, options.fsync),
    ],
    cwd: cluster.directory,
    env: {
      PATH: "/usr/bin:/bin",
      LC_ALL: "C",
      DEPUTY_POSTGRES_LOG: cluster.logPath,
      ...(options.stalePid !== null && { PG_GRANDPARENT_PID: String(options.stalePid) }),
    },
    timeoutMs: 30_000,
    survivors: true,
    ...(cluster.user && { user: cluster.user }),
  });
  const pid = Number(started.stdout.trim());
  const found = started.exitCode === 0 && pid > 0 ? identifyProcess(pid) : null;
  return found ?? started.error ?? started.output;
}

/** `pg_ctl stop -m fast`: sessions end, committed data is on disk. Returns the error, or null. */
export async function stopPostmaster(
  cluster: Cluster,
  binaries: PostgresBinaries,
): Promise<string | null> {
  const before = await inspectPidFile(cluster.dataDirectory);
  if (before.kind !== "ours") return null; // pg_ctl would signal another process with that pid
  const stopped = await runCommand({
    argv: [binaries.pgCtl, "stop", "-D", cluster.dataDirectory, "-m", "fast", "-w", "-t", "60"],
    cwd: cluster.directory,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    timeoutMs: 70_000,
    ...(cluster.user && { user: cluster.user }),
  });
  if (stopped.exitCode === 0) return null;
  const after = await inspectPidFile(cluster.dataDirectory);
  if (after.kind !== "ours") return null; // another process stopped it first
  return stopped.error ?? stopped.output.trim();
}

/** Size of the log in bytes; later output belongs to the next start. */
export function logSize(cluster: Cluster): number {
  return statSync(cluster.logPath, { throwIfNoEntry: false })?.size ?? 0;
}

/** The end of the log after `from`, at most 4 KiB. */
export async function readLogTail(cluster: Cluster, from: number): Promise<string> {
  const size = logSize(cluster);
  const start = Math.max(from, size - 4096);
  if (size <= start) return "";
  const file = await open(cluster.logPath, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, null, start);
    return buffer.subarray(0, bytesRead).toString("utf8").trim();
  } finally {
    await file.close();
  }
}
