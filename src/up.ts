import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Config, loadConfig } from "./config.ts";
import { DeputyError } from "./core/error.ts";
import { startDaemon } from "./daemon.ts";
import { type Log, logErrors, openLog } from "./log.ts";
import { runProgramsBeside } from "./programs-beside.ts";
import { isProcessAlive, type ProcessIdentity } from "./sandbox/process-identity.ts";
import { spawnDetached } from "./sandbox/spawn-detached.ts";
import { findFullVolume } from "./watch-space.ts";
import { startWorker } from "./worker.ts";

/** `up`, `down` and `worker`: processes and their signals. */
export type UpOptions = { host?: string; port?: number };

/** Run the daemon here until a signal ends it. */
export async function runDaemon(
  options: UpOptions,
  onUp: (url: string, config: Config) => void,
): Promise<void> {
  const config = loadConfig(process.env, options);
  // The database lets one daemon work on it; two databases must not share a home either.
  await refuseSecondDaemon(config);
  const log = openLog(config.logLevel, config.secrets);
  const daemon = await startDaemon(config, log, runProgramsBeside());
  onUp(daemon.url, config);
  await untilSignal(log, (signal) => daemon.stop(signal));
}

/** Run a worker here until a signal ends it. */
export async function runWorker(onUp: (config: Config) => void): Promise<void> {
  const config = loadConfig();
  const log = openLog(config.logLevel, config.secrets);
  runProgramsBeside();
  const worker = await startWorker(config, log);
  onUp(config);
  await untilSignal(log, (signal) => worker.stop(signal));
}

/** First signal: stop in order. Second: at once. Errors nobody caught are logged and change nothing. */
async function untilSignal(log: Log, stop: (signal: string) => Promise<void>): Promise<void> {
  const onRejection = logErrors(log, "unhandled rejection; going on");
  const onException = logErrors(log, "uncaught exception; going on");
  process.on("unhandledRejection", (error) =>
    onRejection(error instanceof Error ? error : new Error(String(error))),
  );
  process.on("uncaughtException", onException);
  const signal = await new Promise<string>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
      process.on(name, () => resolve(name));
  });
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => process.exit(1));
  await stop(signal);
}

/** Start the daemon in the background and wait until it answers. */
export async function startDetached(
  options: UpOptions,
): Promise<{ url: string; pid: number; logPath: string }> {
  const config = loadConfig(process.env, options);
  await refuseSecondDaemon(config);
  await mkdir(config.home, { recursive: true, mode: 0o700 });
  const full = await findFullVolume(config.home);
  const logPath = join(config.home, "daemon.log");
  const flags = [
    ...(options.host === undefined ? [] : ["--host", options.host]),
    ...(options.port === undefined ? [] : ["--port", String(options.port)]),
  ];
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const loggedBefore = await readFile(logPath).then(
    ({ length }) => length,
    () => 0, // the first start
  );
  const child = await spawnDetached([process.execPath, main, "up", ...flags], {
    logPath,
    env: process.env,
  });
  let exited: number | null | undefined;
  void child.exited.then((code) => {
    exited = code;
  });
  for (let waited = 0; waited < 60_000; waited += 50) {
    const daemon = await findDaemon(config);
    if (daemon?.pid === child.pid) return { ...daemon, logPath };
    if (exited !== undefined) {
      if (full) throw new DeputyError("insufficient_storage", `The daemon ended at once: ${full}`);
      const log = (await readFile(logPath)).subarray(loggedBefore).toString("utf8");
      throw new DeputyError(
        "unavailable",
        `The daemon ended at once (exit ${exited}); the end of ${logPath} says:\n${log.trim().split("\n").slice(-5).join("\n")}`,
      );
    }
    await sleep(50);
  }
  throw new DeputyError("unavailable", `The daemon did not answer within 60 s; see ${logPath}.`);
}

/** Ask the daemon to stop and wait until it is gone. Null when there is none. */
export async function stopDaemon(): Promise<{ pid: number } | null> {
  const config = loadConfig();
  const daemon = await findDaemon(config);
  if (!daemon) return null;
  process.kill(daemon.pid, "SIGTERM");
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (!isProcessAlive(daemon.identity)) return { pid: daemon.pid };
    await sleep(50);
  }
  throw new DeputyError(
    "unavailable",
    `The daemon (pid ${daemon.pid}) did not stop within 30 s; its log says why.`,
  );
}

async function refuseSecondDaemon(config: Config): Promise<void> {
  const running = await findDaemon(config);
  if (!running || running.pid === process.pid) return;
  throw new DeputyError(
    "conflict",
    `The daemon already runs at ${running.url} (pid ${running.pid}).`,
  );
}

/** The daemon of this home, if that very process lives: its pid alone proves nothing. */
async function findDaemon(
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
