import type { Config } from "../config/config.ts";
import { DeputyError } from "../core/base/error.ts";
import type { OtherForge } from "../core/forge/place.ts";
import { isTaskOver } from "../core/task/lifecycle.ts";
import type { TaskOrigin } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import { adoptPushed } from "../delivery/adopt-pushed.ts";
import type { FindForge } from "../delivery/forges/pull-forge.ts";
import type { GithubAccess } from "../delivery/github/access/github-access.ts";
import type { Forge } from "../delivery/github/forge.ts";
import { isPullOf } from "../delivery/github/github-repository.ts";
import type { LookBack } from "../delivery/github/look-back.ts";
import type { Service } from "../http/service.ts";
import { retryTask } from "../orchestrator/commands/commands.ts";
import { commentOnTask } from "../orchestrator/commands/steer.ts";
import { stopForSubject } from "../orchestrator/commands/stop-for-subject.ts";
import { withdrawUnapproved } from "../orchestrator/commands/withdraw-unapproved.ts";
import {
  acceptTask,
  draftTask,
  type IntakeRequest,
  type IntakeRules,
} from "../orchestrator/intake/intake.ts";
import { changeOrigin } from "../orchestrator/questions/approval-question.ts";
import { refuseUnattended, type Sandbox } from "../sandbox/box/sandbox.ts";
import type { Db } from "../store/database/schema.ts";
import { isBranchOfOurs } from "../store/tasks/branches.ts";
import {
  findActiveTask,
  findDeliverer,
  findLatestTask,
  findUndecided,
  getTask,
} from "../store/tasks/tasks.ts";
import { insertDelivery, isAboutKnown, listLanes } from "../store/triggers/inbox.ts";
import { placeClones } from "../triggers/forges/place-clones.ts";
import { readEvents, testEvents } from "../triggers/forges/test-events.ts";
import type { EarlierTask } from "../triggers/github/decide-story.ts";
import { isOwnRule } from "../triggers/github/github-rule.ts";
import type { InboxDeps } from "../triggers/github/inbox-deps.ts";
import { isForCommands, type OwnBranch } from "../triggers/github/match-github.ts";
import { processInbox, sourcesOf } from "../triggers/github/process-inbox.ts";
import { keepDelivery, receiveDelivery } from "../triggers/github/receive-github.ts";
import { testTrigger } from "../triggers/github/test-trigger.ts";
import type { ReconcileDeps } from "../triggers/reconcile/reconcile.ts";
import type { TriggerRules } from "../triggers/rules.ts";
import { startInboxRunner } from "../triggers/run-inbox.ts";
import { makeLanes } from "../triggers/run-lanes.ts";
import { watchRules } from "../triggers/watch-rules.ts";
import { makeAuthHeader } from "../wiring/github-access.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import type { Log } from "./home/log.ts";
import { readTriggers } from "./page/triggers.ts";
import { noteDecided, recordElsewhere } from "./service/note-decided.ts";
import { tellFromSubject } from "./service/tell-from-subject.ts";
import { findForgeProblems, findTriggerProblems } from "./trigger-problems.ts";
import { makeDoors } from "./triggers/forge-doors.ts";
import { makeGithubCommands } from "./triggers/github-commands.ts";
import { makeGuards } from "./triggers/guards.ts";
import {
  isOwners,
  type LocalTriggers,
  openInbox,
  startLocalTriggers,
} from "./triggers/local-triggers.ts";
import { connectForge } from "./triggers/other-forges.ts";
import { makeOwnPulls } from "./triggers/own-pulls.ts";
import { startReconciling } from "./triggers/start-reconciling.ts";

/** Connects the triggers: the inbox is the store's, submitting is the orchestrator's. */
export type Triggers = {
  receive: Service["receiveGithub"];
  receiveForge: Service["receiveForge"];
  test: Service["testTrigger"];
  local: LocalTriggers["service"];
  reset: Service["resetTrigger"];
  overview: Service["triggers"];
  /** Whether commands of people are heard in `owner/name`. */
  hearsCommands(repository: string): boolean;
  /** What keeps rules from starting tasks, in sentences. */
  problems(): string[];
  /** Called when a task is over: deliveries that waited for its subject may start. */
  wake(): void;
  stop(): Promise<void>;
};

export async function startTriggers(deps: {
  db: Db;
  config: Config;
  intake: IntakeRules;
  log: Log;
  redact: Redact;
  sandbox: Sandbox;
  mirrors: Mirrors;
  /** Null: neither App nor token. */
  github: GithubAccess | null;
  forge: Forge | null;
  findForge: FindForge;
  lookBack: LookBack | null;
  /** `deputy update`. */
  update: Service["update"];
  watching: Parameters<typeof startLocalTriggers>[0]["watching"];
  /** Called when a task was created and its job is in the outbox. */
  onCreated: () => void;
}): Promise<Triggers> {
  const { db, config, forge, intake, mirrors } = deps;
  const log = (level: "info" | "warn", fields: object, message: string) =>
    deps.log[level](fields, message);
  let inbox: { wake(): void; look(): Promise<void> } | null = null;
  let onChanged = () => {};
  let isRead = false;
  const onRead = (rules: TriggerRules) => {
    for (const problem of [
      ...findTriggerProblems(placeClones(rules, config.forges), intake),
      ...findForgeProblems(rules, config.forges),
    ])
      log("warn", {}, problem);
    if (
      forge === null &&
      rules.github.some(({ comment, recipe }) => comment && recipe === "change")
    )
      log(
        "info",
        {},
        "Issues get no comments from us: there is no GitHub App, and GITHUB_TOKEN is not set.",
      );
    isRead = true;
    if (
      forge === null &&
      rules.github.some((rule) => rule.on.includes("command") || isOwnRule(rule))
    ) {
      const what =
        "Commands in comments are not heard, and nothing looks after pull requests of ours";
      log("warn", {}, `${what}: there is no GitHub App, and GITHUB_TOKEN is not set.`);
    }
    inbox?.wake();
    onChanged();
  };
  // Nobody at this machine requested it: it runs confined or not at all.
  const requireSandbox = ({ source }: TaskOrigin) => {
    if (isOwners(source) || config.sandbox.allowTriggers) return;
    const refusal = refuseUnattended(deps.sandbox);
    if (refusal) throw new DeputyError("unprocessable", refusal);
  };
  const submit = async (request: IntakeRequest) => {
    requireSandbox(request.origin);
    const result = await acceptTask(intake, request);
    deps.onCreated();
    return result;
  };
  const whyRefused = async (request: Pick<IntakeRequest, "input" | "origin" | "recipe">) => {
    try {
      requireSandbox(request.origin);
      await draftTask(intake, request);
      return null;
    } catch (error) {
      if (error instanceof DeputyError) return error.message;
      throw error;
    }
  };
  const isOwnBranch = (branch: OwnBranch) => isBranchOfOurs(db, branch);
  const authHeader = makeAuthHeader(config, deps.github);
  const findEarlier = async (subject: string): Promise<EarlierTask | null> => {
    const found = await findLatestTask(db, subject);
    const looking = { ...intake, findForge: deps.findForge, authHeader, mirrors };
    return found && { ...found, work: await noteDecided(looking, found.task) };
  };
  const watched = await watchRules({ path: config.paths.triggers, log, onRead });
  const rules = { ...watched, current: () => placeClones(watched.current(), config.forges) };
  const stored = openInbox(db);
  const guards = makeGuards(db, intake, config, log);
  const github: InboxDeps = {
    forge: "github",
    inbox: stored,
    rules: rules.current,
    submit,
    admit: guards.admit,
    requireQuiet: guards.requireQuiet,
    findActiveTask: (subject) => findActiveTask(db, subject),
    findEarlier,
    rework: async (taskId, { goal, origin, text, voice }, key) => {
      const comment = { place: origin.replyTo ?? origin.subject ?? "GitHub", text, voice };
      const idempotency = { key, bodyHash: goal };
      const task = await getTask(db, taskId);
      const pushed =
        task && isTaskOver(task.state) && (await adoptPushed({ authHeader, mirrors }, task));
      const set = { origin, ...(pushed && { headCommit: pushed }) };
      await commentOnTask(intake, taskId, comment, null, idempotency, set);
    },
    retry: async (taskId) => {
      await retryTask(intake, taskId);
    },
    findDeliverer: (pullUrl) => findDeliverer(db, pullUrl),
    decide: async (pullUrl, decided) => {
      const task = await findUndecided(db, pullUrl);
      if (task) await recordElsewhere(intake, task, decided);
      return task?.id ?? null;
    },
    stop: (taskId, about) => stopForSubject(intake, taskId, about),
    changeOrigin: (taskId, change) => changeOrigin(intake, taskId, change),
    tell: async (taskId, change, key) => {
      const task = await getTask(db, taskId);
      return task && tellFromSubject(intake, task, change, key);
    },
    hasWriteAccess: forge
      ? (repository, account) => forge.hasWriteAccess(repository, account)
      : null,
    wasLabelled: null, // GitHub tells which label was set
    isOwnBranch,
    commands:
      forge &&
      makeGithubCommands({
        ...{ db, config, intake, forge, log: deps.log, appSlug: deps.github?.appSlug ?? null },
      }),
    own:
      forge &&
      makeOwnPulls({
        ...{ db, intake, forge, update: deps.update },
        isHere: (task, name) => isPullOf(name, task, config.github.apiUrl),
      }),
    log,
  };
  const others = config.forges.map((settings) =>
    connectForge(
      { db, config, intake, log: deps.log, redact: deps.redact, update: deps.update },
      settings,
    ),
  );
  const local = startLocalTriggers({
    ...{ db, home: config.home, secrets: config.secrets, inbox: stored, watching: deps.watching },
    ...{ log, submit, whyRefused },
    withdrawTask: (taskId, why) => withdrawUnapproved(intake, taskId, why),
    admit: guards.admit,
    rules: rules.current,
    isRead: () => isRead,
    onStored: () => inbox?.wake(),
    look: async () => inbox?.look(),
  });
  const ofForge: InboxDeps[] = [github, ...others.map((other) => ({ ...github, ...other }))];
  const lanes = makeLanes({
    list: async () => {
      const lists = ofForge.map(async (own) => {
        const found = await listLanes(db, sourcesOf[own.forge]);
        return found.map((repository) => ({ own, repository }));
      });
      return (await Promise.all(lists)).flat();
    },
    nameOf: ({ own, repository }) => `${own.forge} ${repository ?? ""}`,
    round: async ({ own, repository }, isStopped) => {
      await processInbox(own, { repository, isStopped });
    },
    log,
  });
  const machine = startInboxRunner({
    round: async (isStopped) => {
      await guards.sweep().catch((err) => {
        // One task that cannot be cancelled keeps no event waiting; the next round tries again.
        log("warn", { err }, "What an open breaker had queued is not cancelled yet");
      });
      await local.round(isStopped);
    },
    log,
  });
  const forges = startInboxRunner({ round: lanes.fill, log });
  const runner = {
    wake: () => {
      machine.wake();
      forges.wake();
    },
    look: machine.look,
    stop: async () => {
      await Promise.all([machine.stop(), forges.stop()]);
      await lanes.stop();
    },
  };
  // Changed rules apply to waiting deliveries.
  inbox = runner;
  onChanged = local.onRules;
  const keeping = {
    insertDelivery: (row: Parameters<typeof insertDelivery>[1]) => insertDelivery(db, row),
    isPolled: (about: string, since: Date | null) => isAboutKnown(db, about, { by: "poll", since }),
  };
  const keepFound =
    (source: OtherForge | "reconcile"): ReconcileDeps["keep"] =>
    async (delivery) => {
      const { isNew, message } = await keepDelivery(keeping, { ...delivery, source });
      if (isNew) runner.wake();
      if (isNew === undefined) log("warn", { deliveryId: delivery.id }, message);
      return isNew === true;
    };
  const reconciling =
    deps.lookBack &&
    startReconciling({
      ...{ db, log: deps.log, look: deps.lookBack, rules: rules.current },
      ...{ forge: "github", keep: keepFound("reconcile") },
    });
  const polling = others.flatMap(({ kind, look }) =>
    look
      ? startReconciling({
          ...{ db, log: deps.log, look, rules: rules.current },
          ...{ forge: kind, keep: keepFound(kind) },
        })
      : [],
  );
  const doors = makeDoors(config.forges, keeping);
  return {
    receive: async (delivery) => {
      const secrets = config.github.webhookSecrets;
      const answer = await receiveDelivery({ secrets, ...keeping }, delivery);
      if (answer.status === 202) runner.wake();
      return answer;
    },
    receiveForge: async (forge, post) => {
      const answer = await doors.receive(forge, post);
      if (answer.status === 202) runner.wake();
      return answer;
    },
    problems: () =>
      [
        rules.problem() ?? [],
        findTriggerProblems(rules.current(), intake),
        findForgeProblems(watched.current(), config.forges),
        doors.problems(),
        local.problems(),
      ].flat(),
    hearsCommands: (repository) =>
      rules.current().github.some((rule) => isForCommands(rule, repository)),
    wake: () => runner.wake(),
    test: async (event, payload, forge) =>
      testEvents(readEvents(event, payload, forge), (event, payload) =>
        testTrigger(event, payload, rules.current(), whyRefused, isOwnBranch),
      ),
    local: local.service,
    reset: guards.reset,
    overview: () =>
      readTriggers(db, {
        ...{ file: config.paths.triggers, home: config.home },
        ...{ problem: rules.problem(), rules: rules.current() },
      }),
    stop: async () => {
      await reconciling?.stop();
      for (const one of polling) await one.stop();
      await rules.close();
      await local.stop();
      await runner.stop();
    },
  };
}
