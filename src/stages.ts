import { availableParallelism } from "node:os";
import { loadClient } from "./agents/builtin/model/open-server.ts";
import type { Config } from "./config/config.ts";
import { scrubbedEnvironment } from "./core/base/child-environment.ts";
import { invariant } from "./core/base/invariant.ts";
import { processMark } from "./core/base/marks.ts";
import type { Stage, StageName } from "./core/task/outcome.ts";
import type { Redact } from "./core/text/redact.ts";
import { makeDeliverStage } from "./delivery/deliver-task.ts";
import { makeForge } from "./delivery/github/github.ts";
import { makeIntegrateStage } from "./delivery/integrate-subtask.ts";
import { makeExecuteStage } from "./executor/run-attempt.ts";
import { reportProgress } from "./orchestrator/commands/commands.ts";
import type { StageRow } from "./orchestrator/runner/run-stages.ts";
import { makePlanStage, planSubtask } from "./planner/plan-stage.ts";
import { WorkLost } from "./recovery/find-lost-work.ts";
import { makeOnMirror } from "./recovery/on-mirror.ts";
import { makeRecoverStage } from "./recovery/recover-subtask.ts";
import { makeCheckSandbox, openSetupBox, type Self } from "./roles/box.ts";
import { describeCoder, findArbiter, findReviewers } from "./roles/reviewers.ts";
import { makeRunRole } from "./roles/run-role.ts";
import type { Sandbox } from "./sandbox/box/sandbox.ts";
import type { Db } from "./store/database/schema.ts";
import { getTask } from "./store/tasks/tasks.ts";
import { judge, makeVerifyStage, type VerifyDeps } from "./verifier/checks/verify-stage.ts";
import type { Mirrors } from "./worktree/mirror/mirror.ts";
import { isLoopback } from "./worktree/mirror/repository-url.ts";

/**
 * The story of a task as a table: each stage takes a claim and returns an Outcome, `advance` writes
 * what follows from it, and the next stage is woken. No stage calls another. A worker has the
 * same table with one line.
 */
export type StageTable = Partial<Record<StageName, StageRow>>;

export type StageDeps = {
  db: Db;
  config: Config;
  self: Self;
  sandbox: Sandbox;
  mirrors: Mirrors;
  redact: Redact;
};

export function makeStages(deps: StageDeps): Required<StageTable> {
  const { db, config, mirrors, self, redact } = deps;
  const { paths } = config;
  const environment = () =>
    scrubbedEnvironment({ ...config.sandbox.environment, [processMark]: self.processId });
  const authHeader = makeAuthHeader(config);
  const runRole = makeRunRole(deps);
  const planning = { db, config, mirrors, environment, runRole };
  const verifying: VerifyDeps = {
    db,
    mirrors,
    paths,
    environment,
    trackChild: self.trackChild,
    sandbox: (claim, task) => ({
      ...makeCheckSandbox(deps, task),
      onDenials: (by, check, denials) =>
        void reportProgress(db, claim, {
          type: "attempt.progressed",
          message:
            `${by === "setup" ? "Setup" : "Check"} \`${check.command}\` was refused by the sandbox: ${denials.map(({ detail }) => detail).join("; ")}`.slice(
              0,
              300,
            ),
          data: { step: "denied", by, command: check.command, denials },
        }).catch(() => {}), // evidence beside the verdict: the check stands without it
    }),
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
    reportExperiment: (claim, experiment) =>
      reportProgress(db, claim, {
        type: "experiment.finished",
        message: experiment.says,
        data: {
          kind: experiment.kind,
          command: experiment.command,
          tree: experiment.tree,
          result: experiment.result,
          duration_ms: experiment.durationMs,
        },
      }),
    proof: config.proof,
    review: {
      runRole,
      assurance: config.assurance,
      candidates: ({ repository }, agent) => findReviewers(config, repository, agent),
      arbiter: ({ repository }) => findArbiter(config, repository),
      coder: ({ repository }, agent) => describeCoder(config, repository, agent),
      report: (claim, message, data) =>
        reportProgress(db, claim, { type: "attempt.progressed", message, data }),
    },
  };
  // A daemon that leaves attempts to workers still verifies and merges itself. Agents wait for their
  // models, checks keep processors busy: more of them at once than there are help nobody.
  const ownSlots = Math.max(1, Math.min(config.concurrency, Math.max(4, availableParallelism())));
  const onMirror = makeOnMirror({ db, mirrors, redact, authHeader });
  const telling =
    (stage: Stage): Stage =>
    (...about) =>
      stage(...about).catch((error: unknown) => {
        if (error instanceof WorkLost) return { kind: "work_lost", ...error.work };
        throw error;
      });
  // Each of these stages finds out itself what it had done, so it can run again on a new mirror.
  const mended = (stage: Stage) =>
    telling(async (claim, signal) => {
      const task = await getTask(db, claim.taskId);
      invariant(task, "a claimed task exists");
      return onMirror({ claim, task, signal }, () => stage(claim, signal));
    });
  return {
    plan: {
      run: makePlanStage({ ...planning, authHeader }),
      // As many as there are slots to be filled.
      slots: Math.max(8, config.concurrency),
    },
    execute: {
      run: telling(
        makeExecuteStage({
          db,
          mirrors,
          paths,
          environment,
          trackChild: self.trackChild,
          runRole,
          redact,
          onMirror,
          maxFileBytes: (repository) =>
            isOnGitHub(config, repository) ? maxGitHubFileBytes : null,
          planSubtask: (job) => planSubtask(planning, job),
          expectAgent: (name) => (name === "builtin" ? loadClient() : undefined),
          openSetupBox: (job, worktree) => openSetupBox(deps, job, worktree),
          report: (claim, message, data) =>
            reportProgress(db, claim, { type: "attempt.progressed", message, data }),
        }),
      ),
      slots: config.concurrency,
    },
    verify: { run: mended(makeVerifyStage(verifying)), slots: ownSlots },
    recover: {
      run: mended(
        makeRecoverStage({ db, mirrors, backoffBaseMs: config.backoffMs, chance: Math.random }),
      ),
      slots: 8,
    },
    integrate: {
      run: mended(
        makeIntegrateStage({
          db,
          mirrors,
          redact,
          gate: (claim, task, subtask, commit, signal) =>
            judge(verifying, claim, task, subtask, commit, "after_merge", signal),
        }),
      ),
      slots: ownSlots,
    },
    deliver: {
      run: mended(
        makeDeliverStage({
          db,
          mirrors,
          artifacts: paths.artifacts,
          forge: makeForge(config.github, redact),
          authHeader,
          redact,
        }),
      ),
      slots: 4,
    },
  };
}

type AuthHeader = (url: string) => string | null;

/**
 * The GitHub token, as git takes it, for URLs of the GitHub that it belongs to and no other: by
 * https, or without encryption where nothing leaves this machine.
 */
export function makeAuthHeader(config: Config): AuthHeader {
  const { token } = config.github;
  const host = gitHubHost(config);
  return (url) => {
    if (!token || !/^https?:\/\//.test(url)) return null;
    const { protocol, hostname, host: itsHost } = new URL(url);
    if (itsHost !== host || (protocol === "http:" && !isLoopback(hostname))) return null;
    return `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
  };
}

function gitHubHost({ github }: Config): string {
  const { host } = new URL(github.apiUrl);
  return host === "api.github.com" ? "github.com" : host;
}

/** Over https or ssh; a folder of this machine is on no host, whatever it is called. */
function isOnGitHub(config: Config, repository: string): boolean {
  const host = gitHubHost(config);
  return (
    !repository.startsWith("/") && [`${host}/`, `${host}:`].some((at) => repository.includes(at))
  );
}

/** A push with a larger file is refused whole. */
const maxGitHubFileBytes = 100 * 1024 * 1024;
