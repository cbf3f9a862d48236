import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { constants } from "node:fs";
import { chmod, mkdir, open, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { makeListAgents } from "../agents/find-agents.ts";
import { checkedRepositories } from "../config/checked-repositories.ts";
import type { Config } from "../config/config.ts";
import { roleSettings } from "../config/role-settings.ts";
import type { StageName } from "../core/task/outcome.ts";
import { makeRedact } from "../core/text/redact.ts";
import { requirePullRequests } from "../delivery/github/github-repository.ts";
import { tidyOldWorktrees } from "../delivery/tidy-worktrees.ts";
import { makeMetrics } from "../http/metrics.ts";
import { startHttpServer } from "../http/server.ts";
import { notificationRows } from "../notifier/notification-rows.ts";
import { secretsOf } from "../notifier/notifier-config.ts";
import { startNotifier } from "../notifier/run-notifier.ts";
import { batchCreations } from "../orchestrator/intake/intake.ts";
import {
  releaseExpiredLease,
  releaseLostLease,
  repairHold,
} from "../orchestrator/runner/repair.ts";
import { startStageRunner } from "../orchestrator/runner/run-stages.ts";
import { wakeFromSpace } from "../orchestrator/runner/wait-for-space.ts";
import { makeAnnounce } from "../orchestrator/transitions/announce.ts";
import { openQueue } from "../queue/open.ts";
import { startRelay } from "../queue/relay.ts";
import { reapDeadProcesses, takeBackLease } from "../recovery/reconcile.ts";
import { findUnpricedModel } from "../roles/meter.ts";
import { agentConfig } from "../roles/run-role.ts";
import { identifyProcess } from "../sandbox/process/process-identity.ts";
import { makeStages } from "../stages.ts";
import { GarbledRow } from "../store/database/garbled.ts";
import { listen } from "../store/database/listen.ts";
import { drainOutbox, nextOutboxDelayMs } from "../store/tasks/outbox.ts";
import { findUnsoundHolds } from "../store/tasks/unsound-holds.ts";
import { removeCheckLeftovers } from "../verifier/checks/remove-leftovers.ts";
import { makeAuthHeader } from "../wiring/github-access.ts";
import { openMirrors } from "../worktree/mirror/mirror.ts";
import { agentRules } from "./agent-rules.ts";
import { openDatabase } from "./database.ts";
import { pruneOldTasks } from "./housekeeping/retention.ts";
import { startSpaceWatch } from "./housekeeping/start-space-watch.ts";
import { tidyScratch } from "./housekeeping/tidy-scratch.ts";
import { watchGarbled } from "./housekeeping/watch-garbled.ts";
import { type Log, logErrors } from "./log.ts";
import { type OwnProcess, parkAll, startOwnProcess } from "./own-process.ts";
import { startPrograms } from "./programs.ts";
import { makeService, readToken } from "./service.ts";
import { startSandbox } from "./start-sandbox.ts";
import { startTriggers } from "./triggers-wiring.ts";
import { version } from "./version.ts";

/**
 * The daemon. Its story, in the order of a task's self, is the table in stages.ts: plan, execute,
 * verify, recover, integrate, deliver, and notify beside them. This file starts what turns that
 * table: the database, the queue, the runner that claims and advances, the reconciler that looks for
 * what died, and the door. Everything in here may be killed at any moment; the next start reads
 * from the database what there is to do.
 */
export type Daemon = { url: string; stop(reason: string): Promise<void> };

const takeOverMs = 2_000;
const spaceMs = 5_000;
const tidyMs = 60_000;
const tidyScratchMs = 60 * 60_000;
const pruneMs = 24 * 60 * 60_000;
/** How long a round of the periodic work may take to end at a stop. */
const roundGraceMs = 2_000;
const parkMs = 8_000;
/** How long a part may take to stop: whatever it waits for, the daemon ends. */
const stopPartMs = 4_000;
const stopDatabaseMs = 15_000;

export async function startDaemon(config: Config, log: Log): Promise<Daemon> {
  await mkdir(config.home, { recursive: true, mode: 0o700 });
  await chmod(config.home, 0o700);
  for (const folder of [
    "mirrors",
    "worktrees",
    "checks",
    "logs",
    "scratch",
    "artifacts",
  ] as const) {
    await mkdir(config.paths[folder], { recursive: true, mode: 0o700 });
  }
  const token = config.token ?? (await makeToken(config.paths.token));
  const secrets = [...config.secrets, token];
  const redact = makeRedact(secrets);
  // The topic may be any word, and is a secret only to who could read along.
  const redactPush = makeRedact([...secrets, ...secretsOf(config.notifier)]);
  const database = await openDatabase(config, log, "daemon");
  const { store } = database;
  const { db } = store;
  const onError = (what: string) => logErrors(log, what);
  const started: (() => Promise<unknown>)[] = [() => store.close()];
  let isOurs = false;
  // Made by what is started further down.
  let onSpace = () => {};
  try {
    const self: OwnProcess = await startOwnProcess(store, "daemon", {
      log,
      home: config.home,
      onDatabaseLost: () =>
        database.revive().catch(async (error) => {
          await space.explain(error);
          throw error;
        }),
    });
    const space = startSpaceWatch({
      ...{ config, database, log, pushes: true },
      canWrite: () => self.beat(),
      onFree: () => onSpace(),
    });
    started.push(async () => space.stop());
    const garbled = watchGarbled(db, log);
    started.push(() => self.end());
    isOurs = true;

    const announce = makeAnnounce((event, task) =>
      notificationRows(event, task, config.notifier, redactPush),
    );
    const core = { db, announce };
    const onOtherError = onError("could not take over a claim; trying again");
    const onTakeoverError = (error: Error) =>
      error instanceof GarbledRow ? garbled.note(error.garbled) : onOtherError(error);
    const reap = async () => {
      const found = await reapDeadProcesses(
        db,
        { processId: self.processId, host: hostname() },
        (lost) => releaseLostLease(core, lost, "the process that worked on it died"),
        onTakeoverError,
      );
      if (found.processes.length > 0) log.warn(found, "took over what a dead process left");
    };
    // Before anything new starts: no child of an earlier process may still write.
    await reap();
    const programs = startPrograms();
    started.push(async () => programs.stop());
    const sandbox = await startSandbox(config, log, programs.runCommand);
    const mirrors = openMirrors(config.paths.mirrors, {
      run: programs.runGit,
      limitView: sandbox.limitView,
    });
    const leftovers = await removeCheckLeftovers(mirrors, config.paths.checks);
    if (leftovers > 0) log.info({ leftovers }, "removed worktrees of checks that were cut off");

    const stages = makeStages({ db, config, self, sandbox, mirrors, redact });
    const runner = startStageRunner({
      ...core,
      processId: self.processId,
      space,
      onGarbled: garbled.note,
      stages,
      log: (level, fields, message) => log[level](fields, message),
    });
    self.workWith(runner);
    const queue = await openQueue({
      connection: config.redisUrl
        ? { kind: "redis", url: config.redisUrl }
        : { kind: "postgres", config: store.connection },
      listenTo: ["execute", "orchestrate"],
      onWake: (stage) => runner.wake(stage, { fromQueue: true }),
      onError: onError("queue error"),
    });
    started.push(() => queue.close());
    const relay = startRelay({
      drain: (limit, send) => drainOutbox(db, limit, send),
      nextDelayMs: () => nextOutboxDelayMs(db),
      add: async (jobs) => {
        try {
          await queue.add(jobs);
        } catch (error) {
          // The queue is unreachable. The work is in the database, so this process claims it itself.
          for (const { stage } of jobs) runner.wake(stage);
          throw error;
        }
      },
      onError: onError("relay error"),
    });
    started.push(() => relay.stop());
    const notifier = startNotifier({
      db,
      config: config.notifier,
      redact: redactPush,
      log: (level, fields, message) => log[level](fields, message),
    });
    started.push(() => notifier.stop());

    onSpace = () => {
      wakeFromSpace(db).catch(onError("could not wake what waits for space; it looks by itself"));
      runner.wakeAll();
    };
    // Called by what is heard below, made by what is started further down.
    let onTaskOver = () => {};
    let wakeInbox = () => {};
    const events = new EventEmitter().setMaxListeners(0);
    const listener = await listen(
      store.connection,
      (message) => {
        const [what, about = ""] = message.split(" ");
        if (what === "outbox") relay.wake();
        if (what === "event") {
          events.emit(about);
          notifier.wake();
        }
        if (what === "cancel") runner.cancelTask(about);
        if (what === "pause") runner.pauseTask(about);
        if (what === "ready") runner.wake(about as StageName);
        if (what === "over") {
          onTaskOver();
          wakeInbox();
        }
      },
      onError("listen error"),
    );
    started.push(() => listener.close());

    const authHeader = makeAuthHeader(config.github);
    const intake = {
      db,
      createTask: batchCreations(db),
      announce,
      ...agentRules(config),
      defaultTimeoutMs: (repository: string) =>
        roleSettings(config.roles, "coder", repository).timeoutMs,
      checkRepository: checkedRepositories(),
      requirePullRequests: (repository: string) => requirePullRequests(config.github, repository),
      defaultBudget: config.budget,
      unpricedModel: (agent: string, repository: string) =>
        findUnpricedModel(config, agent, repository),
    };
    const triggers = await startTriggers({
      db,
      config,
      intake,
      sandbox,
      redact,
      log,
      onCreated: () => relay.wake(),
    });
    started.push(() => triggers.stop());
    wakeInbox = triggers.wake;

    let repairs = 0;
    const startedAt = Date.now();
    const service = makeService({
      ...core,
      config,
      mirrors,
      redact,
      intake,
      authHeader,
      onCreated: () => {
        runner.wake("plan");
        relay.wake();
      },
      onEvents: (taskId, notify) => {
        events.on(taskId, notify);
        return () => events.off(taskId, notify);
      },
      health: () => ({
        alive: true,
        version,
        processId: self.processId,
        uptimeS: Math.round((Date.now() - startedAt) / 1000),
      }),
      ready: async () => {
        const full = await space.look();
        const { problems } = await database.ready();
        return { ready: full.length + problems.length === 0, problems: [...full, ...problems] };
      },
      space,
      onGarbled: garbled.note,
      agents: makeListAgents(agentConfig(config)),
      metrics: makeMetrics({
        db,
        running: runner.running,
        repairedHolds: () => repairs,
        garbledRows: garbled.count,
      }),
      receiveGithub: triggers.receive,
      testTrigger: triggers.test,
    });
    const server = await startHttpServer({
      service,
      host: config.host,
      port: config.port,
      token,
      allowedHosts: config.allowedHosts,
      redact,
      version,
      log: (level, fields, message) => log[level](fields, message),
      space,
    });
    started.push(() => server.close());

    /** Returns what runs it now, once more after a run that is under way. */
    const every = (
      ms: number,
      what: string,
      work: (stopping: AbortSignal) => Promise<void>,
    ): (() => void) => {
      const onFailure = onError(`${what} failed; it runs again in ${ms / 1000} s`);
      let running: Promise<void> | null = null;
      let again = false;
      const stopping = new AbortController();
      const run = () => {
        again = running !== null;
        if (running || stopping.signal.aborted) return;
        running = work(stopping.signal)
          .catch((error) => {
            // A round that outlives the stop's grace fails for want of the database; the next start
            // has one.
            if (!stopping.signal.aborted) onFailure(error);
          })
          .finally(() => {
            running = null;
            if (again) run();
          });
      };
      const timer = setInterval(run, ms);
      started.push(async () => {
        clearInterval(timer);
        stopping.abort();
        // It may be using the database, which is closed after it.
        await Promise.race([running, sleep(roundGraceMs, undefined, { ref: false })]);
      });
      return run;
    };
    every(Math.min(takeOverMs, config.reconcileMs), "takeover", reap);
    // Makes up for jobs that were lost (a flushed Redis, dropped tables).
    every(config.reconcileMs, "reconcile", async () => runner.wakeAll());
    every(spaceMs, "look for space", async () => {
      await space.look();
    });
    const onRepairError = onError("could not repair an unsound hold; trying again");
    every(config.checkHoldsMs, "check of holds", async () => {
      // After a machine slept every lease looks old: first renew what is in hand.
      await self.beat();
      for (const unsound of await findUnsoundHolds(db)) {
        const { taskId, subtaskId, kind } = unsound;
        try {
          if (kind === "lease") {
            await takeBackLease(db, subtaskId ?? taskId, (lost) =>
              releaseExpiredLease(core, lost, unsound),
            );
          } else await repairHold(core, unsound);
          repairs++;
          log.error(unsound, "unsound hold; repaired");
        } catch (error) {
          // One that cannot be repaired must not keep the others; the next round tries it again.
          if (error instanceof GarbledRow) garbled.note(error.garbled);
          else onRepairError(error as Error);
        }
      }
      await garbled.look();
    });
    const onTidyError = onError("could not remove a worktree; it stays");
    const tidy = every(tidyMs, "tidying of worktrees", (stopping) =>
      tidyOldWorktrees(db, mirrors, config.keepWorktrees, stopping, onTidyError),
    );
    every(tidyScratchMs, "tidying of scratch folders", () => tidyScratch(db, config));
    const pruning = new AbortController();
    const prune = every(pruneMs, "pruning", () =>
      pruneOldTasks({ db, mirrors, config, log }, pruning.signal),
    );
    started.push(async () => pruning.abort());
    prune();
    onTaskOver = () => {
      // In a busy hour once a minute is enough: agents that run do not mind, whatever else does.
      if (runner.running().filter(({ stage }) => stage !== "execute").length <= 1) tidy();
    };
    runner.wakeAll();

    await writeInPlace(
      config.paths.daemonFile,
      `${JSON.stringify({ url: server.url, pid: process.pid, start_ticks: identifyProcess(process.pid)?.startTicks ?? null, process_id: self.processId, version }, null, 2)}\n`,
    );
    log.info(
      {
        url: server.url,
        process: self.processId,
        database: database.kind,
        queue: config.redisUrl ? "redis" : "postgres",
      },
      "daemon is up",
    );
    return {
      url: server.url,
      stop: async (reason) => {
        log.info({ reason }, "daemon is stopping");
        await parkAll(runner, self.processId, parkMs, log);
        await unwind(started, log);
        await unwind([database.stop], log, stopDatabaseMs);
        await rm(config.paths.daemonFile, { force: true });
        log.info({ reason }, "daemon is down");
      },
    };
  } catch (error) {
    await unwind(started, log);
    // When another daemon has the seat, it also uses the database.
    if (isOurs) await database.stop();
    throw error;
  }
}

/** Undo what was started, last first; one failure does not keep the rest up. */
async function unwind(
  started: (() => Promise<unknown>)[],
  log: Log,
  limitMs = stopPartMs,
): Promise<void> {
  for (const stop of started.splice(0).reverse()) {
    const late = sleep(limitMs, undefined, { ref: false }).then(() => {
      throw new Error(`it did not stop within ${limitMs / 1_000} s`);
    });
    await Promise.race([stop(), late]).catch((error) =>
      log.warn({ err: error }, "a part did not stop cleanly"),
    );
  }
}

/**
 * Write a small file without giving up its block first: on a full volume a daemon that was killed
 * finds room for the file in the one that it left.
 */
async function writeInPlace(path: string, text: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    await file.write(text, 0);
    await file.truncate(Buffer.byteLength(text));
  } finally {
    await file.close();
  }
}

/** The API token: made on first run, readable by its owner alone. */
async function makeToken(path: string): Promise<string> {
  const known = await readToken(path);
  if (known) return known;
  const token = randomBytes(32).toString("base64url");
  // Empty: whoever made it was killed before it was written.
  await rm(path, { force: true });
  await writeFile(path, `${token}\n`, { mode: 0o600, flag: "wx" });
  return token;
}
