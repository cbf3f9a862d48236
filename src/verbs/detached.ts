import { createReadStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Config, loadConfig } from "../config/config.ts";
import { DeputyError } from "../core/base/error.ts";
import {
  findDaemon,
  findWorkers,
  recordWorker,
  refuseSecondDaemon,
} from "../daemon/home/running.ts";
import { findFullVolume } from "../daemon/housekeeping/probe-volume.ts";
import { isProcessAlive, type ProcessIdentity } from "../sandbox/process/process-identity.ts";
import { spawnDetached } from "../sandbox/process/spawn-detached.ts";
import type { UpOptions } from "./up.ts";

/** Background processes: `up --detach`, `worker --detach` and `down`. */

/** Start the daemon in the background and wait until it answers. */
export async function startDetached(
  options: UpOptions,
): Promise<{ url: string; pid: number; logPath: string; frozen: string | null }> {
  const config = loadConfig(process.env, options);
  await refuseSecondDaemon(config);
  const flags = [
    ...(options.host === undefined ? [] : ["--host", options.host]),
    ...(options.port === undefined ? [] : ["--port", String(options.port)]),
  ];
  const logPath = join(config.home, "daemon.log");
  const { ready } = await startBehind(config, "daemon", ["up", ...flags], logPath, async (pid) => {
    const daemon = await findDaemon(config);
    return daemon?.pid === pid ? daemon : null;
  });
  const answer = await fetch(`${ready.url}/readyz`);
  const { frozen } = (await answer.json()) as { frozen: string | null };
  return { ...ready, logPath, frozen };
}

/** Start a worker in the background and wait until it takes work. */
export async function startDetachedWorker(): Promise<{
  pid: number;
  slots: number;
  logPath: string;
}> {
  const config = loadConfig();
  const logPath = join(config.home, "worker.log");
  // The worker reports it in a line of its own in the log.
  const isUp = async (pid: number, said: string) => said.includes(`{"pid":${pid},`) || null;
  const { pid } = await startBehind(config, "worker", ["worker", "--json"], logPath, isUp);
  await recordWorker(config, pid);
  return { pid, slots: config.concurrency, logPath };
}

/** Runs this program detached with other arguments until `findReady` succeeds. */
async function startBehind<Ready>(
  config: Config,
  what: string,
  args: string[],
  logPath: string,
  findReady: (pid: number, said: string) => Promise<Ready | null>,
): Promise<{ pid: number; ready: Ready }> {
  await mkdir(config.home, { recursive: true, mode: 0o700 });
  const full = await findFullVolume(config.home);
  const main = fileURLToPath(new URL("../main.js", import.meta.url));
  const loggedBefore = await stat(logPath).then(
    ({ size }) => size,
    () => 0, // the first start
  );
  const child = await spawnDetached([process.execPath, main, ...args], {
    logPath,
    env: process.env,
  });
  let exited: number | null | undefined;
  void child.exited.then((code) => {
    exited = code;
  });
  for (let waited = 0; waited < 60_000; waited += 50) {
    const log = await readText(createReadStream(logPath, { start: loggedBefore }));
    const ready = await findReady(child.pid, log);
    if (ready) return { pid: child.pid, ready };
    if (exited !== undefined) {
      if (full) throw new DeputyError("insufficient_storage", `The ${what} ended at once: ${full}`);
      throw new DeputyError(
        "unavailable",
        `The ${what} ended at once (exit ${exited}); the end of ${logPath} says:\n${log.trim().split("\n").slice(-5).join("\n")}`,
      );
    }
    await sleep(50);
  }
  throw new DeputyError("unavailable", `The ${what} did not answer within 60 s; see ${logPath}.`);
}

/**
 * Stops the workers that `startDetachedWorker` started, and then the daemon, and waits until they
 * are gone. `pid` is the daemon's, null when there was none.
 */
export async function stopAll(): Promise<{ pid: number | null; workers: number[] }> {
  const config = loadConfig();
  const workers = await findWorkers(config);
  await Promise.all(workers.map((worker) => stopProcess("worker", worker)));
  const daemon = await findDaemon(config);
  if (daemon) await stopProcess("daemon", daemon.identity);
  return { pid: daemon?.pid ?? null, workers: workers.map(({ pid }) => pid) };
}

async function stopProcess(what: string, identity: ProcessIdentity): Promise<void> {
  try {
    process.kill(identity.pid, "SIGTERM");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // gone by itself meanwhile
  }
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (!isProcessAlive(identity)) return;
    await sleep(50);
  }
  throw new DeputyError(
    "unavailable",
    `The ${what} (pid ${identity.pid}) did not stop within 30 s; its log says why.`,
  );
}
