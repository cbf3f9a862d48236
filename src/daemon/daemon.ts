import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { makeListAgents } from "../agents/find-agents.ts";
import type { Config } from "../config/config.ts";
import { adviseThaw } from "../core/task/freeze.ts";
import type { StageName } from "../core/task/outcome.ts";
import { makeRedact } from "../core/text/redact.ts";
import { countComments } from "../delivery/forges/count-comments.ts";
import { makeCommenter, openEventForges } from "../delivery/forges/find-commenter.ts";
import { openForges } from "../delivery/forges/open-forges.ts";
import { openGithub } from "../delivery/github/access/github-access.ts";
import { makeForge } from "../delivery/github/github.ts";
import { makeLookBack } from "../delivery/github/look-back.ts";
import { makeMetrics } from "../http/metrics.ts";
import { startHttpServer } from "../http/server.ts";
import type { Service } from "../http/service.ts";
import { openChannels } from "../notifier/channels/open-channels.ts";
import { notificationRows } from "../notifier/notification-rows.ts";
import { secretsOf } from "../notifier/notifier-config.ts";
import { operatorRows } from "../notifier/operator-rows.ts";
import { startNotifier } from "../notifier/run-notifier.ts";
import { brakeCrashLoop } from "../orchestrator/commands/brake-crash-loop.ts";
import { freezeDeputy, readFreeze, thawDeputy } from "../orchestrator/commands/freeze.ts";
import { batchCreations, draftTask } from "../orchestrator/intake/intake.ts";
import { releaseLostLease } from "../orchestrator/runner/repair.ts";
import { startStageRunner } from "../orchestrator/runner/run-stages.ts";
import { wakeFromSpace } from "../orchestrator/runner/wait-for-space.ts";
import { makeAdvanceDeps } from "../orchestrator/transitions/advance.ts";
import { openQueue } from "../queue/open.ts";
import { startRelay } from "../queue/relay.ts";
import { makeOnMirror } from "../recovery/on-mirror.ts";
import { reapDeadProcesses } from "../recovery/reconcile.ts";
import { agentConfig } from "../roles/run-role.ts";
import { describeSandbox } from "../sandbox/box/sandbox.ts";
import { identifyProcess } from "../sandbox/process/process-identity.ts";
import { makeStages } from "../stages.ts";
import { GarbledRow } from "../store/database/garbled.ts";
import { settleTransactions } from "../store/records/changes.ts";
import { findFreeze } from "../store/records/freezes.ts";
import { drainOutbox, nextOutboxDelayMs } from "../store/tasks/outbox.ts";
import { removeCheckLeftovers } from "../verifier/place/remove-leftovers.ts";
import { makeAuthHeader, makeSourceAccess } from "../wiring/github-access.ts";
import { previewTask } from "../wiring/preview-task.ts";
import { warmRepository } from "../wiring/warm-repository.ts";
import { makeWatchWork } from "../wiring/watch-repository.ts";
import { maxChecks } from "../wiring/wire-stages.ts";
import { openMirrors } from "../worktree/mirror/mirror.ts";
import { openBus } from "./bus.ts";
import { openDatabase } from "./database.ts";
import { type Log, logErrors } from "./home/log.ts";
import { prepareHome, writeInPlace } from "./home/prepare-home.ts";
import { version } from "./home/version.ts";
import { makeFreeSpace } from "./housekeeping/free-space.ts";
import { makeWarmer } from "./housekeeping/keep-warm.ts";
import { measureUse, rememberUse } from "./housekeeping/measure-use.ts";
import { listVolumes } from "./housekeeping/probe-volume.ts";
import { startHousekeeping } from "./housekeeping/start-housekeeping.ts";
import { startSpaceWatch } from "./housekeeping/start-space-watch.ts";
import { watchGarbled } from "./housekeeping/watch-garbled.ts";
import { foldersOf } from "./housekeeping/watch-space.ts";
import { makeIntakeRules, requirePlanner } from "./intake-rules.ts";
import { openAnswerWays, readPushSecrets } from "./open-replies.ts";
import { findPushProblems, makePushService, openWebPush } from "./open-web-push.ts";
import { parkAll, startOwnProcess } from "./own-process.ts";
import { makeReadAgents } from "./page/agents.ts";
import { readRepositories } from "./page/repositories.ts";
import { openPrepared } from "./programs/open-prepared.ts";
import { startPrograms } from "./programs/programs.ts";
import { startSandbox } from "./programs/start-sandbox.ts";
import { makeAnswerPages } from "./service/answer-pages.ts";
import { finishAbandoned, makeDecide } from "./service/decide-delivered.ts";
import { makeLive } from "./service/live.ts";
import { makePushTest } from "./service/push-test.ts";
import { readAttention } from "./service/read-attention.ts";
import { makeSessionService } from "./service/sessions.ts";
import { makeTaskService } from "./service/task-service.ts";
import { makeServices } from "./services.ts";
import { startAlarm } from "./start-alarm.ts";
import { startTelling } from "./start-telling.ts";
import { startTriggers } from "./triggers-wiring.ts";

/**
 * The daemon: a list of services, each started with what it needs of those before it. The story of a
 * task is the table in stages.ts; the services here turn it. Any of them may be killed at any moment:
 * the next start reads from the database what there is to do.
 */
export type Daemon = {
  url: string;
  /** One sentence if it came up frozen. */
  frozen: string | null;
  stop(reason: string): Promise<void>;
};

/** The stages that run checks. */
const checking: ReadonlySet<StageName> = new Set(["verify", "integrate", "deliver"]);
const parkMs = 8_000;
const measureMs = 60_000;
const previewMs = 60_000;
const stopDatabaseMs = 15_000;

export async function startDaemon(config: Config, log: Log): Promise<Daemon> {
  const token = await prepareHome(config);
  // A list that grows: the tokens of hooks are read as their rules are.
  const redact = makeRedact(config.secrets, [token]);
  const github = openGithub(config.github, redact);
  if (config.github.appProblem) log.warn(config.github.appProblem);
  // The topic of a push service may be any word, and is a secret only to those who could read along.
  const push = await readPushSecrets(config);
  const own = [token, ...secretsOf(config.notifier), push.topic];
  const redactPush = makeRedact(config.secrets, own);
  const onError = (what: string) => logErrors(log, what);
  const logLine = (level: "info" | "warn" | "error", fields: object, message: string) =>
    log[level](fields, message);
  const services = makeServices(log);

  const database = await openDatabase(config, log, "daemon");
  const { store } = database;
  const { db } = store;
  services.add("database", { stop: store.close });
  let isOurs = false;
  try {
    const self = await startOwnProcess(store, "daemon", {
      ...{ log, home: config.home, slots: config.concurrency },
      onDatabaseLost: () =>
        database.revive().catch(async (error) => {
          await space.explain(error);
          throw error;
        }),
    });
    isOurs = true;
    const wakeWaiting = () =>
      wakeFromSpace(db).catch(onError("could not wake what waits for space; it looks by itself"));
    let freeSpace = async (_stopping: AbortSignal): Promise<void> => {}; // until mirrors are there
    const space = services.add(
      "space watch",
      startSpaceWatch({
        ...{ config, database, log, pushes: true },
        makeRoom: (stopping) => freeSpace(stopping),
        canWrite: () => self.beat(),
        onFree: () => {
          void wakeWaiting();
          runner.wakeAll();
        },
      }),
    );
    services.add("registered process", { stop: self.end });
    const garbled = watchGarbled(db, log);
    const transitions = makeAdvanceDeps(db, (event, task) =>
      notificationRows(event, task, config.notifier, redactPush),
    );
    const core = { db, ...transitions };

    // Before anything new starts: no child of a dead process may still write.
    const onTakeoverError = onError("could not take over a claim; trying again");
    const reap = async () => {
      const found = await reapDeadProcesses(
        db,
        { processId: self.processId, host: hostname() },
        (lost) => releaseLostLease(core, lost, "the process that worked on it died"),
        (error) =>
          error instanceof GarbledRow ? garbled.note(error.garbled) : onTakeoverError(error),
      );
      if (found.processes.length > 0) log.warn(found, "took over what a dead process left");
      return found.processes.length > 0;
    };
    await reap();
    await settleTransactions(db);
    const loop = await brakeCrashLoop(db, self.processId, config.crashLoop, (freeze) =>
      operatorRows(config.notifier, {
        type: "daemon.crash_loop",
        title: "Deputy is frozen: it crashed again and again",
        message: adviseThaw(freeze),
      }),
    );
    if (loop) log.error("a crash loop: nothing starts until deputy thaw");

    const programs = services.add("spawner", startPrograms());
    const sandbox = await startSandbox(config, log, programs.runCommand);
    const git = { run: programs.runGit, limitView: sandbox.limitView };
    const mirrors = openMirrors(config.paths.mirrors, git, makeSourceAccess(config, github));
    const prepared = openPrepared(config, sandbox, log);
    await prepared?.tidy();
    const leftovers = await removeCheckLeftovers(mirrors, config.paths.checks);
    if (leftovers > 0) log.info({ leftovers }, "removed worktrees of checks that were cut off");

    freeSpace = makeFreeSpace({ config, db, log, mirrors, prepared, space });
    // A volume below its floor causes no error that would tell of it; one may have been freed meanwhile.
    await space.look();
    if (space.problems().length + space.low().length === 0) await wakeWaiting();
    const { createTask, isRush } = batchCreations(db);
    const runner = startStageRunner({
      ...{ ...core, space, isRush, log: logLine },
      ...{ processId: self.processId, onGarbled: garbled.note, onProgress: self.noteProgress },
      stages: makeStages({ db, config, self, sandbox, mirrors, redact, prepared, github }),
    });
    self.workWith(runner);
    const queue = await openQueue({
      connection: config.redisUrl
        ? { kind: "redis", url: config.redisUrl }
        : { kind: "postgres", config: store.connection },
      onJob: () => runner.wake("execute", { fromQueue: true }),
      onError: onError("queue error"),
    });
    services.add("queue", { stop: queue.close });
    const relay = services.add(
      "relay",
      startRelay({
        drain: (limit, send) => drainOutbox(db, limit, send),
        nextDelayMs: () => nextOutboxDelayMs(db),
        add: async (jobs) => {
          for (const stage of new Set(jobs.map((job) => job.stage)))
            if (stage !== "execute") runner.wake(stage);
          try {
            await queue.add(jobs.filter(({ stage }) => stage === "execute"));
          } catch (error) {
            // The queue is unreachable. The work is in the database, so this process claims it itself.
            runner.wake("execute");
            throw error;
          }
        },
        onError: onError("relay error"),
      }),
    );
    const ways = services.add(
      "answers from pushes",
      openAnswerWays({
        ...{ ...core, config, redact: redactPush, secrets: push, log: logLine },
        processId: self.processId,
      }),
    );
    const webPush = await openWebPush(config, db, push, redactPush);
    const notifier = services.add(
      "notifier",
      startNotifier({
        db,
        channels: openChannels(config.notifier, ways.actions, webPush),
        manners: config.notifier.manners,
        redact: redactPush,
        log: logLine,
      }),
    );
    const alarm = startAlarm({ config, replies: ways.ntfy, beat: self.beat, log });
    if (alarm) services.add("alarm", alarm);
    const bus = services.add("bus", await openBus(store, onError("listen error")));
    bus.on("outbox", () => {
      runner.wake("execute"); // at once, where there is a free slot here
      relay.wake();
    });
    bus.on("pushes", notifier.wake);
    bus.on("cancel", runner.cancelTask);
    bus.on("pause", runner.pauseTask);
    bus.on("freeze", runner.freeze);
    bus.on("thaw", runner.wakeAll);
    bus.on("ready", (stage) => runner.wake(stage));

    const intake = makeIntakeRules(config, { ...core, createTask });
    const onCreated = () => runner.wake("plan");
    const bare = makeForge(github, redact);
    const forge = countComments(db, bare);
    const findForge = openForges(config.forges, forge, redact);
    const triggers = services.add(
      "triggers",
      await startTriggers({
        db,
        config,
        github,
        redact,
        forge,
        findForge,
        intake,
        sandbox,
        mirrors,
        log,
        onCreated,
        lookBack: makeLookBack(github),
        update: (id) => service.update(id),
        watching: {
          work: makeWatchWork({
            ...{ db, config, github, self, sandbox, mirrors, redact, prepared },
            checkRepository: intake.checkRepository,
          }),
          // Tasks come first, and a frozen daemon starts nothing.
          isFree: async () => {
            const checks = runner.running().filter(({ stage }) => checking.has(stage));
            const isFull = space.problems().length + space.low().length > 0;
            return checks.length < maxChecks(config) && !isFull && (await findFreeze(db)) === null;
          },
        },
      }),
    );
    bus.on("over", triggers.wake);
    const commenter = countComments(
      db,
      makeCommenter(bare, openEventForges(config.forges, redact)),
    );
    if (commenter) {
      const { hearsCommands } = triggers;
      const about = { db, forge: commenter, github: forge, hearsCommands, log };
      const telling = services.add("issue comments", startTelling(about));
      bus.on("event", telling.wake);
    }
    bus.on("reconnected", () => {
      runner.wakeAll();
      for (const part of [relay, notifier, triggers]) part.wake();
    });
    const warmer = services.add(
      "warming",
      makeWarmer({
        db,
        checkRepository: intake.checkRepository,
        make: (about, signal) =>
          warmRepository({ config, self, sandbox, mirrors, prepared, github }, about, signal),
      }),
    );
    const authHeader = makeAuthHeader(config, github);
    const deciding = {
      ...{ ...core, config, mirrors, redact, findForge, authHeader, onGarbled: garbled.note },
      onMirror: makeOnMirror({ db, mirrors, redact, authHeader }),
      processId: self.processId,
    };
    const repairedHolds = startHousekeeping(services, {
      finishDecisions: () => finishAbandoned(deciding, onError("a decision was not carried out")),
      // Without bubblewrap nothing could be kept.
      warmer: prepared && sandbox.provider === "bubblewrap" ? warmer : null,
      ...{ ...core, config, log, mirrors, bus, runner, self, space, garbled, reap },
      ...{ findForge, authHeader, freeSpace },
    });

    const use = services.add(
      "measuring of disk use",
      rememberUse(
        (signal) =>
          measureUse(
            {
              ...{ mirrors, prepared: config.paths.prepared, timeoutMs: measureMs },
              runCommand: programs.runCommand,
            },
            signal,
          ),
        onError("could not measure what repositories take; trying again"),
      ),
    );
    const places = [database.dataDirectory ?? config.home, ...foldersOf(config)];

    const startedAt = Date.now();
    const decide = makeDecide(deciding);
    const tasks = makeTaskService({
      decide,
      ...{ ...core, config, mirrors, redact, intake, space, onGarbled: garbled.note, onCreated },
      authHeader,
      findForge,
    });
    const service: Service = {
      ...tasks,
      ...makeSessionService(db),
      ...makePushTest({ db, config, ways, webPush, redact: redactPush }),
      ...makePushService(db, config.notifier.webPush?.hosts ?? [], webPush),
      onEvents: (taskId, notify) => bus.on("event", notify, taskId),
      ...makeLive(db, bus, () => service.attention()),
      health: () => ({
        alive: true,
        version,
        processId: self.processId,
        uptimeS: Math.round((Date.now() - startedAt) / 1000),
      }),
      ready: async () => {
        const full = await space.look();
        const { problems } = await database.ready();
        const freeze = problems.length === 0 ? await findFreeze(db) : null;
        return {
          ready: full.length + problems.length === 0,
          problems: [...full, ...problems],
          low_space: [...space.low()],
          frozen: freeze && adviseThaw(freeze),
        };
      },
      freeze: (reason) => freezeDeputy(db, reason),
      thaw: () => thawDeputy(db),
      readFreeze: () => readFreeze(db),
      agents: makeReadAgents(db, makeListAgents(agentConfig(config))),
      warm: warmer.warm,
      repositories: () => readRepositories(db, intake.defaultAgent),
      preview: async (input, origin) => {
        const task = await draftTask(intake, { input, origin, recipe: "change" });
        return previewTask({ config, github, mirrors }, task, AbortSignal.timeout(previewMs));
      },
      attention: async () =>
        readAttention(db, {
          problems: [...space.problems(), ...space.low()],
          // Where nobody switched it off.
          sandbox:
            sandbox.provider === "none" && config.sandbox.provider !== "none"
              ? `Sandbox: ${describeSandbox(sandbox)}.`
              : null,
          rules: [
            ...triggers.problems(),
            ...(config.github.appProblem ? [config.github.appProblem] : []),
          ],
          replies: [...ways.problems(), ...(await findPushProblems(db))],
          unreadable: garbled.count(),
        }),
      metrics: makeMetrics({
        ...{ db, repairedHolds, running: runner.running, garbledRows: garbled.count },
        replies: ways.counts,
        repositories: use.read,
        volumes: () => listVolumes(places, config.minFreeMb),
      }),
      receiveGithub: triggers.receive,
      receiveForge: triggers.receiveForge,
      triggers: triggers.overview,
      testTrigger: triggers.test,
      ...triggers.local,
      resetTrigger: triggers.reset,
    };
    const server = await startHttpServer({
      ...{ service, token, redact, version, space, log: logLine },
      ...{ host: config.host, port: config.port, allowedHosts: config.allowedHosts },
      publicUrl: config.publicUrl,
      page: fileURLToPath(new URL("../../dist/web/", import.meta.url)),
      answers: makeAnswerPages({
        ...{ ...core, secrets: push, redact, tasks, decide },
        requirePlanner: (repository) => requirePlanner(config, repository),
      }),
    });
    services.add("HTTP server", { stop: server.close });
    runner.wakeAll();

    const own = {
      url: server.url,
      pid: process.pid,
      start_ticks: identifyProcess(process.pid)?.startTicks ?? null,
      process_id: self.processId,
      version,
    };
    await writeInPlace(config.paths.daemonFile, `${JSON.stringify(own, null, 2)}\n`);
    const freeze = await findFreeze(db);
    const frozen = freeze && adviseThaw(freeze);
    if (frozen) log.warn(frozen);
    log.info(
      {
        ...{ url: server.url, process: self.processId, database: database.kind },
        queue: config.redisUrl ? "redis" : "postgres",
      },
      "daemon is up",
    );
    return {
      url: server.url,
      frozen,
      stop: async (reason) => {
        log.info({ reason }, "daemon is stopping");
        await parkAll(runner, self.processId, parkMs, log);
        await services.stop();
        const last = makeServices(log);
        last.add("database server", { stop: database.stop }, { limitMs: stopDatabaseMs });
        await last.stop();
        await rm(config.paths.daemonFile, { force: true });
        log.info({ reason }, "daemon is down");
      },
    };
  } catch (error) {
    await services.stop();
    // When another daemon holds the lock of the only daemon, it also uses the database.
    if (isOurs) await database.stop();
    throw error;
  }
}
