import { availableParallelism } from "node:os";
import type { Config } from "./config.ts";
import { DeputyError } from "./core/error.ts";
import { invariant } from "./core/invariant.ts";
import { bootMark } from "./core/marks.ts";
import type { Claim, Stage, StageName } from "./core/outcome.ts";
import type { Task } from "./core/task.ts";
import { makeDeliverStage } from "./delivery/deliver-task.ts";
import { makeForge } from "./delivery/github.ts";
import { requirePullRequests } from "./delivery/github-repository.ts";
import { makeIntegrateStage } from "./delivery/integrate-subtask.ts";
import { prepareBase } from "./executor/prepare-task.ts";
import { makeExecuteStage } from "./executor/run-attempt.ts";
import type { Life } from "./life.ts";
import { reportProgress } from "./orchestrator/commands.ts";
import { giveWay, untilCalm, watchUrgency } from "./orchestrator/give-way.ts";
import { planTask } from "./orchestrator/plan-task.ts";
import { makeRecoverStage } from "./recovery/recover-subtask.ts";
import { makeRunRole } from "./roles.ts";
import { scrubbedEnvironment } from "./sandbox/scrubbed-environment.ts";
import type { Db } from "./store/schema.ts";
import { getTask } from "./store/tasks.ts";
import { inspectRepository } from "./verifier/inspect-repository.ts";
import { repositoryConfigPath } from "./verifier/read-repository-config.ts";
import { judge, makeVerifyStage, type VerifyDeps } from "./verifier/verify-stage.ts";
import { isLoopback } from "./worktree/repository-url.ts";

/**
 * The story of a task as a table: each stage takes a claim and returns an Outcome, `advance` writes
 * what follows from it, and the next stage hears its bell. No stage calls another. A worker has the
 * same table with one line.
 */
export type StageTable = Partial<Record<StageName, { run: Stage; slots: number }>>;

export function makeStages(deps: { db: Db; config: Config; life: Life }): Required<StageTable> {
  const { db, config, life } = deps;
  const { paths } = config;
  const environment = () => scrubbedEnvironment({ [bootMark]: life.bootId });
  const authHeader = makeAuthHeader(config);
  const verifying: VerifyDeps = {
    db,
    paths,
    environment,
    trackProcess: life.trackProcess,
    report: (claim, { check, run, result, reason }, phase) =>
      reportProgress(db, claim, {
        type: "check.finished",
        message: `Check \`${check.command}\` ${phase === "attempt" ? "on the attempt's commit" : "after the merge"}: ${result} (${reason})`,
        data: {
          command: check.command,
          kind: check.kind,
          result,
          reason,
          exit_code: run.exitCode,
          duration_ms: run.durationMs,
          phase,
        },
      }),
  };
  // A daemon that leaves attempts to workers still verifies and merges itself. Agents wait for their
  // models, checks keep processors busy: more of them at once than there are help nobody.
  const ownSlots = Math.max(1, Math.min(config.concurrency, Math.max(4, availableParallelism())));
  const urgency = { start: watchUrgency(), finish: watchUrgency() };
  const isUrgent = () => urgency.start.isOn() || urgency.finish.isOn();
  const patiently = (stage: Stage) => giveWay(isUrgent, 10_000, stage);
  return {
    plan: {
      run: giveWay(urgency.start.isOn, 2_000, makePlanStage({ db, config, authHeader })),
      slots: 8,
    },
    execute: {
      run: makeExecuteStage({
        db,
        paths,
        environment,
        trackProcess: life.trackProcess,
        beginUrgent: (what) => urgency[what].begin(),
        letOthersStart: () => untilCalm(urgency.start.isOn, 5_000, new AbortController().signal),
        runRole: makeRunRole(deps),
        report: (claim, message, data) =>
          reportProgress(db, claim, { type: "attempt.progressed", message, data }),
      }),
      slots: config.concurrency,
    },
    verify: { run: patiently(makeVerifyStage(verifying)), slots: ownSlots },
    recover: {
      run: makeRecoverStage({ db, backoffBaseMs: config.backoffMs, chance: Math.random }),
      slots: 8,
    },
    integrate: {
      run: patiently(
        makeIntegrateStage({
          db,
          gate: (claim, task, subtask, commit, signal) =>
            judge(verifying, claim, task, subtask, commit, "after_merge", signal),
        }),
      ),
      slots: ownSlots,
    },
    deliver: {
      run: patiently(
        makeDeliverStage({
          db,
          artifacts: paths.artifacts,
          forge: makeForge(config.github),
          authHeader,
        }),
      ),
      slots: 4,
    },
  };
}

const nothingToRun = {
  setup: [],
  checks: [],
  checksSource: "none",
  protectedPaths: [],
  delivery: null,
} as const;

/** Fetch, fix the base, read what decides the checks, plan: what is wrong with the repository ends here. */
function makePlanStage(deps: { db: Db; config: Config; authHeader: AuthHeader }): Stage {
  const { github, paths } = deps.config;
  return async (claim: Claim, signal) => {
    const task: Task | null = await getTask(deps.db, claim.taskId);
    invariant(task, "a claimed task exists");
    try {
      const base = await prepareBase(task, {
        mirrorRoot: paths.mirrors,
        authHeader: deps.authHeader,
        signal,
      });
      // What a stranger's commit configures counts for nothing: a review has no setup and no checks.
      const { setup, checks, checksSource, protectedPaths, delivery } = task.expectsChange
        ? await inspectRepository(base.mirror, base.baseCommit, task.checks)
        : nothingToRun;
      if (task.delivery === "auto" && delivery === "pr") {
        requireConfiguredDelivery(() => requirePullRequests(github, task.repository));
      }
      const preparation = {
        baseCommit: base.baseCommit,
        baseRef: base.baseRef,
        mirror: base.mirror.gitDir,
        setup: [...setup],
        checks: [...checks],
        checksSource,
        protectedPaths: [...protectedPaths],
        forkCommit: base.forkCommit,
        delivery,
      };
      return { kind: "planned", preparation, plan: planTask(task) };
    } catch (error) {
      // What the caller can mend is no infrastructure: trying again would say the same.
      if (error instanceof DeputyError && error.code !== "unavailable") {
        return { kind: "refused", detail: error.message };
      }
      throw error;
    }
  };
}

/** The caller did not ask for it, so the sentence says who did. */
function requireConfiguredDelivery(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    throw new DeputyError(
      error.code,
      `\`${repositoryConfigPath}\`: \`delivery: pr\` cannot be done. ${error.message}`,
      { field: "delivery" },
    );
  }
}

type AuthHeader = (url: string) => string | null;

/**
 * The GitHub token, as git takes it, for URLs of the GitHub that it belongs to and no other: by
 * https, or without encryption where nothing leaves this machine.
 */
export function makeAuthHeader(config: Config): AuthHeader {
  const { token, apiUrl } = config.github;
  const apiHost = new URL(apiUrl).host;
  const host = apiHost === "api.github.com" ? "github.com" : apiHost;
  return (url) => {
    if (!token || !/^https?:\/\//.test(url)) return null;
    const { protocol, hostname, host: itsHost } = new URL(url);
    if (itsHost !== host || (protocol === "http:" && !isLoopback(hostname))) return null;
    return `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
  };
}
