import { mkdir } from "node:fs/promises";
import type { Config } from "../config/config.ts";
import { DeputyError } from "../core/base/error.ts";
import type { StageName } from "../core/task/outcome.ts";
import { makeRedact } from "../core/text/redact.ts";
import { notificationRows } from "../notifier/notification-rows.ts";
import { secretsOf } from "../notifier/notifier-config.ts";
import { type StageRunner, startStageRunner } from "../orchestrator/runner/run-stages.ts";
import { makeAnnounce } from "../orchestrator/transitions/announce.ts";
import { openQueue } from "../queue/open.ts";
import { makeStages } from "../stages.ts";
import { listen } from "../store/database/listen.ts";
import { openMirrors } from "../worktree/mirror/mirror.ts";
import { openDatabase } from "./database.ts";
import { startSpaceWatch } from "./housekeeping/start-space-watch.ts";
import { type Log, logErrors } from "./log.ts";
import { type OwnProcess, parkAll, startOwnProcess } from "./own-process.ts";
import { startPrograms } from "./programs.ts";
import { startSandbox } from "./start-sandbox.ts";

/**
 * A second process that takes executions over the same queue and database. It holds leases like the
 * daemon does and has no door of its own; it shares the daemon's home, because that is where the
 * mirrors and worktrees are. When it dies, the daemon takes over what it had.
 */
export type WorkerProcess = { stop(reason: string): Promise<void> };

const parkMs = 8_000;

export async function startWorker(config: Config, log: Log): Promise<WorkerProcess> {
  if (config.concurrency === 0) {
    throw new DeputyError(
      "invalid_input",
      "A worker needs at least one slot: set DEPUTY_CONCURRENCY or --concurrency to 1 or more.",
    );
  }
  await mkdir(config.home, { recursive: true, mode: 0o700 });
  const database = await openDatabase(config, log, "worker");
  const { store } = database;
  const { db } = store;
  const self: OwnProcess = await startOwnProcess(store, "worker", {
    log,
    home: config.home,
    onDatabaseLost: database.revive,
  });
  const programs = startPrograms();
  const sandbox = await startSandbox(config, log, programs.runCommand);
  const mirrors = openMirrors(config.paths.mirrors, {
    run: programs.runGit,
    limitView: sandbox.limitView,
  });
  const redact = makeRedact(config.secrets);
  const redactPush = makeRedact([...config.secrets, ...secretsOf(config.notifier)]);
  const { execute } = makeStages({ db, config, self, sandbox, mirrors, redact });
  const space = startSpaceWatch({
    ...{ config, database, log, pushes: false },
    canWrite: () => self.beat(),
    onFree: () => runner.wakeAll(),
  });
  const runner: StageRunner = startStageRunner({
    db,
    space,
    announce: makeAnnounce((event, task) =>
      notificationRows(event, task, config.notifier, redactPush),
    ),
    processId: self.processId,
    stages: { execute },
    log: (level, fields, message) => log[level](fields, message),
  });
  self.workWith(runner);
  const queue = await openQueue({
    connection: config.redisUrl
      ? { kind: "redis", url: config.redisUrl }
      : { kind: "postgres", config: store.connection },
    listenTo: ["execute"],
    onWake: (stage) => runner.wake(stage, { fromQueue: true }),
    onError: logErrors(log, "queue error"),
  });
  const listener = await listen(
    store.connection,
    (message) => {
      const [what, about = ""] = message.split(" ");
      if (what === "cancel") runner.cancelTask(about);
      if (what === "pause") runner.pauseTask(about);
      if (what === "ready") runner.wake(about as StageName);
    },
    logErrors(log, "listen error"),
  );
  const timer = setInterval(() => {
    void space.look();
    runner.wakeAll();
  }, config.reconcileMs);
  runner.wakeAll();
  log.info({ process: self.processId, slots: config.concurrency }, "worker is up");
  return {
    stop: async (reason) => {
      log.info({ reason }, "worker is stopping");
      clearInterval(timer);
      space.stop();
      await parkAll(runner, self.processId, parkMs, log);
      for (const part of [
        listener.close,
        queue.close,
        self.end,
        store.close,
        async () => programs.stop(),
      ]) {
        await part().catch((error) => log.warn({ err: error }, "a part did not stop cleanly"));
      }
    },
  };
}
