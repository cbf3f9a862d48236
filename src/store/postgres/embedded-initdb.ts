import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chown, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { identifyProcess, isProcessAlive } from "../../sandbox/process/process-identity.ts";
import { runCommand } from "../../sandbox/process/run-command.ts";
import type { Cluster } from "./embedded-cluster.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";

/**
 * Creates the data folder. initdb works in a folder of its own, named after the process that
 * started it, and only a finished database is renamed to `data`. So `data` is whole or absent: an
 * interrupted initdb starts over, and of two processes at once the second to finish deletes its own
 * and uses the first's. Both have the same password, from the cluster's record.
 */
export async function createDataDirectory(
  cluster: Cluster,
  binaries: PostgresBinaries,
  options: { fsync: boolean },
): Promise<void> {
  if (existsSync(cluster.dataDirectory)) return;
  const own = identifyProcess(process.pid);
  const chance = randomBytes(4).toString("hex");
  const room = join(
    cluster.directory,
    `init-${process.pid}-${own?.startTicks ?? "unknown"}-${chance}`,
  );
  await mkdir(room, { mode: 0o700 });
  try {
    const passwordFile = join(room, "password");
    await writeFile(passwordFile, `${cluster.password}\n`, { mode: 0o600 });
    if (cluster.user) {
      await chown(passwordFile, cluster.user.uid, cluster.user.gid);
      await chown(room, cluster.user.uid, cluster.user.gid);
    }
    const made = await runCommand({
      argv: [
        binaries.initdb,
        ...["-D", join(room, "data"), "--pwfile", passwordFile, "--username", "deputy"],
        ...["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"],
        ...["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"],
        ...(options.fsync ? [] : ["--no-sync"]),
      ],
      cwd: room,
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
      timeoutMs: 300_000,
      ...(cluster.user && { user: cluster.user }),
    });
    if (made.exitCode !== 0) {
      const reason = made.error ?? (made.output.trim() || `ended by ${made.endedBy}`);
      throw new DeputyError(
        "unavailable",
        `The embedded PostgreSQL cannot make its database in ${cluster.directory}: ${reason}`,
      );
    }
    await rename(join(room, "data"), cluster.dataDirectory);
    if (options.fsync) await syncDirectory(cluster.directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error; // else: another process's is there
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

/** Throws a DeputyError for data of another major version, which the server cannot open. */
export function checkDataVersion(cluster: Cluster, binaries: PostgresBinaries): void {
  let found: string;
  try {
    found = readFileSync(join(cluster.dataDirectory, "PG_VERSION"), "utf8").trim();
  } catch {
    throw new DeputyError(
      "conflict",
      `${cluster.dataDirectory} holds no PostgreSQL database; restore it from a backup, or move it away to start with an empty one.`,
    );
  }
  const major = binaries.version.split(".")[0];
  if (found === major) return;
  throw new DeputyError(
    "conflict",
    `The database in ${cluster.dataDirectory} was made by PostgreSQL ${found}, and this Deputy brings PostgreSQL ${major}; dump it with pg_dump ${found} and load it into an empty one, or run the Deputy that made it.`,
  );
}

/** Removes the folders that dead processes left; those of live ones are in use. */
export async function removeAbandonedRooms(cluster: Cluster): Promise<void> {
  for (const name of await readdir(cluster.directory)) {
    const [, pid, ticks] = /^init-(\d+)-(\d+|unknown)-/.exec(name) ?? [];
    if (pid === undefined || ticks === undefined) continue;
    const startTicks = ticks === "unknown" ? null : ticks;
    if (isProcessAlive({ pid: Number(pid), startTicks })) continue;
    // An orphaned initdb may still write there; what cannot be removed now goes at the next start.
    await rm(join(cluster.directory, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
