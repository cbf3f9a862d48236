import { type Config, loadConfig } from "../config/config.ts";
import { type Daemon, startDaemon } from "../daemon/daemon.ts";
import { flushLog, type Log, logErrors, openLog } from "../daemon/home/log.ts";
import { refuseSecondDaemon } from "../daemon/home/running.ts";
import { startWorker } from "../daemon/worker.ts";
import { hasTerminal } from "./has-terminal.ts";

/** `up` and `worker` in the foreground: processes and their signals. */
export type UpOptions = { host?: string; port?: number };

/** Run the daemon here until a signal ends it. */
export async function runDaemon(
  options: UpOptions,
  onUp: (daemon: Daemon, config: Config) => void,
): Promise<void> {
  const config = loadConfig(process.env, options);
  // The database allows one daemon; two databases must not share a home either.
  await refuseSecondDaemon(config);
  const log = openLog(config.logLevel, config.secrets);
  try {
    const daemon = await startDaemon(config, log);
    const ended = untilSignal(log, daemon.stop); // listens before `onUp` announces this process
    onUp(daemon, config);
    await ended;
  } finally {
    await flushLog(log);
  }
}

/** Run a worker here until a signal ends it. */
export async function runWorker(onUp: (config: Config) => void): Promise<void> {
  const config = loadConfig();
  const log = openLog(config.logLevel, config.secrets);
  try {
    const worker = await startWorker(config, log);
    const ended = untilSignal(log, worker.stop);
    onUp(config);
    await ended;
  } finally {
    await flushLog(log);
  }
}

/**
 * First signal: stop in order. Second: exit at once. SIGHUP counts only for a process that prints
 * to a terminal. Uncaught errors are logged and change nothing.
 */
async function untilSignal(log: Log, stop: (signal: string) => Promise<void>): Promise<void> {
  const onRejection = logErrors(log, "unhandled rejection; continuing");
  const onException = logErrors(log, "uncaught exception; continuing");
  process.on("unhandledRejection", (error) =>
    onRejection(error instanceof Error ? error : new Error(String(error))),
  );
  process.on("uncaughtException", onException);
  const signal = await new Promise<string>((resolve) => {
    const hangup = hasTerminal() ? (["SIGHUP"] as const) : [];
    for (const name of ["SIGTERM", "SIGINT", ...hangup] as const)
      process.on(name, () => resolve(name));
  });
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => process.exit(1));
  await stop(signal);
  if (signal !== "SIGHUP") return;
  // Node's own exit would crash: it tries to reset the terminal, which is gone.
  process.removeAllListeners("SIGHUP");
  process.kill(process.pid, "SIGHUP");
}
