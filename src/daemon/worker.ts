import { mkdir } from "node:fs/promises";
import type { Config } from "../config/config.ts";
import { DeputyError } from "../core/base/error.ts";
import { makeRedact } from "../core/text/redact.ts";
import { openGithub } from "../delivery/github/access/github-access.ts";
import { notificationRows } from "../notifier/notification-rows.ts";
import { secretsOf } from "../notifier/notifier-config.ts";
import { type StageRunner, startStageRunner } from "../orchestrator/runner/run-stages.ts";
import { makeAdvanceDeps } from "../orchestrator/transitions/advance.ts";
import { openQueue } from "../queue/open.ts";
import { makeStages } from "../stages.ts";
import { makeSourceAccess } from "../wiring/github-access.ts";
import { openMirrors } from "../worktree/mirror/mirror.ts";
import { openBus } from "./bus.ts";
import { openDatabase } from "./database.ts";
import { type Log, logErrors } from "./home/log.ts";
import { startSpaceWatch } from "./housekeeping/start-space-watch.ts";
import { parkAll, startOwnProcess } from "./own-process.ts";
import { startPeriodic } from "./periodic.ts";
import { openPrepared } from "./programs/open-prepared.ts";
import { startPrograms } from "./programs/programs.ts";
import { startSandbox } from "./programs/start-sandbox.ts";
import { makeServices } from "./services.ts";

/**
 * A second process that runs the execute stage, over the same queue and database. It holds leases as
 * the daemon does, has no HTTP server, and shares the daemon's home with its mirrors and worktrees. When
 * it dies, the daemon takes over its claims.
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
  const redact = makeRedact(config.secrets);
  const github = openGithub(config.github, redact);
  const redactPush = makeRedact([...config.secrets, ...secretsOf(config.notifier)]);
  const services = makeServices(log);
  const database = await openDatabase(config, log, "worker");
  const { store } = database;
  const { db } = store;
  services.add("database", { stop: store.close });
  const self = await startOwnProcess(store, "worker", {
    log,
    ...{ home: config.home, slots: config.concurrency },
    onDatabaseLost: database.revive,
  });
  services.add("registered process", { stop: self.end });
  const programs = services.add("spawner", startPrograms());
  const sandbox = await startSandbox(config, log, programs.runCommand);
  const git = { run: programs.runGit, limitView: sandbox.limitView };
  const mirrors = openMirrors(config.paths.mirrors, git, makeSourceAccess(config, github));
  const prepared = openPrepared(config, sandbox, log);
  const { execute } = makeStages({ db, config, self, sandbox, mirrors, redact, prepared, github });
  const space = services.add(
    "space watch",
    startSpaceWatch({
      ...{ config, database, log, pushes: false },
      canWrite: () => self.beat(),
      onFree: () => runner.wakeAll(),
    }),
  );
  await space.look(); // a volume below its floor causes no error that would tell of it
  const runner: StageRunner = startStageRunner({
    ...{ db, space, processId: self.processId, stages: { execute } },
    ...makeAdvanceDeps(db, (event, task) =>
      notificationRows(event, task, config.notifier, redactPush),
    ),
    log: (level, fields, message) => log[level](fields, message),
  });
  self.workWith(runner);
  const queue = await openQueue({
    connection: config.redisUrl
      ? { kind: "redis", url: config.redisUrl }
      : { kind: "postgres", config: store.connection },
    onJob: () => runner.wake("execute", { fromQueue: true }),
    onError: logErrors(log, "queue error"),
  });
  services.add("queue", { stop: queue.close });
  const bus = await openBus(store, logErrors(log, "listen error"));
  services.add("bus", bus);
  bus.on("cancel", runner.cancelTask);
  bus.on("pause", runner.pauseTask);
  bus.on("freeze", runner.freeze);
  bus.on("thaw", runner.wakeAll);
  bus.on("ready", (stage) => runner.wake(stage));
  bus.on("reconnected", runner.wakeAll);
  const look = async () => {
    await space.look();
    runner.wakeAll();
  };
  services.add(
    "reconcile",
    startPeriodic({ what: "reconcile", everyMs: config.reconcileMs, work: look, log }),
  );
  runner.wakeAll();
  log.info({ process: self.processId, slots: config.concurrency }, "worker is up");
  return {
    stop: async (reason) => {
      log.info({ reason }, "worker is stopping");
      await parkAll(runner, self.processId, parkMs, log);
      await services.stop();
    },
  };
}
