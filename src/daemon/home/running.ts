import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import { DeputyError } from "../../core/base/error.ts";
import {
  identifyProcess,
  isProcessAlive,
  type ProcessIdentity,
} from "../../sandbox/process/process-identity.ts";

/** Finds the processes of a home by the files that they wrote there. */

/** Throws when a daemon of this home runs that is not this process. */
export async function refuseSecondDaemon(config: Config): Promise<void> {
  const running = await findDaemon(config);
  if (!running || running.pid === process.pid) return;
  throw new DeputyError(
    "conflict",
    `The daemon already runs at ${running.url} (pid ${running.pid}).`,
  );
}

/** The daemon of this home, if that very process is alive: its pid alone proves nothing. */
export async function findDaemon(
  config: Config,
): Promise<{ url: string; pid: number; identity: ProcessIdentity } | null> {
  let file: { url: string; pid: number; start_ticks: string | null };
  try {
    file = JSON.parse(await readFile(config.paths.daemonFile, "utf8"));
  } catch {
    return null; // no file, or one that is being written: no daemon yet
  }
  const identity = { pid: file.pid, startTicks: file.start_ticks };
  return isProcessAlive(identity) ? { url: file.url, pid: file.pid, identity } : null;
}

/** Records a worker that was started in the background, for `findWorkers`. */
export async function recordWorker(config: Config, pid: number): Promise<void> {
  const folder = workersFolder(config);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = { pid, start_ticks: identifyProcess(pid)?.startTicks ?? null };
  await writeFile(join(folder, `${pid}.json`), JSON.stringify(file));
}

/** The live workers in the background; the files of others are removed. */
export async function findWorkers(config: Config): Promise<ProcessIdentity[]> {
  const folder = workersFolder(config);
  const found: ProcessIdentity[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const identity = await readIdentity(path);
    if (identity && isProcessAlive(identity)) found.push(identity);
    else await rm(path, { force: true });
  }
  return found;
}

async function readIdentity(path: string): Promise<ProcessIdentity | null> {
  try {
    const { pid, start_ticks } = JSON.parse(await readFile(path, "utf8"));
    return Number.isInteger(pid) && pid > 0 ? { pid, startTicks: start_ticks } : null;
  } catch {
    return null; // incomplete: the machine went down while it was written
  }
}

const workersFolder = ({ home }: Config) => join(home, "workers");
