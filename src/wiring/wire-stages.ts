import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import { loadClient } from "../agents/builtin/model/open-server.ts";
import { commitSettings } from "../config/commit-settings.ts";
import type { Config } from "../config/config.ts";
import { roleSettings } from "../config/role-settings.ts";
import type { Claim } from "../core/task/outcome.ts";
import type { Redact } from "../core/text/redact.ts";
import type { DeliverDeps } from "../delivery/deliver-task.ts";
import { countComments } from "../delivery/forges/count-comments.ts";
import { makeCommenter, openEventForges } from "../delivery/forges/find-commenter.ts";
import { openForges } from "../delivery/forges/open-forges.ts";
import type { GithubAccess } from "../delivery/github/access/github-access.ts";
import { makeForge } from "../delivery/github/github.ts";
import type { IntegrateDeps } from "../delivery/integrate-subtask.ts";
import type { ExecuteDeps } from "../executor/job.ts";
import { reportProgress } from "../orchestrator/commands/commands.ts";
import { type PlanDeps, planSubtask } from "../planner/plan-stage.ts";
import { blameStart } from "../recovery/blame/blame-start.ts";
import { blameBranch, type GateDeps, gateWhole } from "../recovery/blame/gate-whole.ts";
import { makeOnMirror, type OnMirror } from "../recovery/on-mirror.ts";
import type { RecoverDeps } from "../recovery/recover-subtask.ts";
import { openSetupBox, type Self } from "../roles/box.ts";
import { findFallbacks } from "../roles/fallbacks.ts";
import { agentReach, attemptLimits, makeRunRole, roleAgent } from "../roles/run-role.ts";
import type { Sandbox } from "../sandbox/box/sandbox.ts";
import { waitingForDatabase } from "../store/database/outage.ts";
import type { Db } from "../store/database/schema.ts";
import { judgeNow } from "../verifier/checks/judge-now.ts";
import {
  describePrepared,
  giveSetup,
  triesOf,
  type VerifyDeps,
} from "../verifier/checks/task-place.ts";
import { judge, judgeTree, runHook } from "../verifier/checks/verify-stage.ts";
import { assuranceOf } from "../verifier/review/review-change.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import type { PreparedTrees } from "../worktree/prepared/prepared-trees.ts";
import { makeCommandEnvironment } from "./command-environment.ts";
import { makeAuthHeader, maxFileBytes } from "./github-access.ts";
import { wireVerification } from "./wire-verification.ts";

/** What a process brings along for its stages. */
export type StageDeps = {
  db: Db;
  config: Config;
  self: Self;
  sandbox: Sandbox;
  mirrors: Mirrors;
  redact: Redact;
  github: GithubAccess | null;
  /** What setup made, kept for the next worktree; left out: it runs in each. */
  prepared?: PreparedTrees | undefined;
};

/** What each stage is given once. Stages know one another only through these functions. */
export type WiredStages = {
  db: Db;
  onMirror: OnMirror;
  plan: PlanDeps;
  execute: ExecuteDeps;
  verify: VerifyDeps;
  recover: RecoverDeps;
  integrate: IntegrateDeps;
  deliver: DeliverDeps;
};

export function wireStages(given: StageDeps): WiredStages {
  const deps = { ...given, db: waitingForDatabase(given.db) };
  const { db, config, github, mirrors, redact, self } = deps;
  const forge = makeForge(github, redact);
  const shared = {
    ...{ db, config, mirrors, redact, paths: config.paths, trackChild: self.trackChild },
    runRole: makeRunRole(deps),
    authHeader: makeAuthHeader(config, github),
    environment: makeCommandEnvironment(deps),
  };
  const onMirror = makeOnMirror(shared);
  const report = (claim: Claim, message: string, data: Record<string, unknown>) =>
    reportProgress(db, claim, { type: "attempt.progressed", message, data });
  const verification = wireVerification(deps, { ...shared, report });
  const { review } = verification;
  const verify: VerifyDeps = {
    ...{ ...shared, ...verification },
    limitChecks: pLimit(maxChecks(config)),
    ...(deps.prepared && { prepared: deps.prepared }),
  };
  const planning: PlanDeps = {
    ...shared,
    describePrepared: (claim, task, signal) => describePrepared(verify, claim, task, signal),
    triesOf: (claim, task, commit, signal) => triesOf(verify, claim, task, commit, signal),
  };
  const whole: GateDeps = {
    ...shared,
    probesAtOnce: maxChecks(config),
    judgeTree: (claim, task, run, signal) => judgeTree(verify, claim, task, run, signal),
  };
  return {
    ...{ db, onMirror },
    verify: {
      ...verify,
      blame: (claim, task, subtask, red, signal) =>
        blameStart(whole, claim, task, subtask, red, signal),
    },
    plan: planning,
    execute: {
      ...shared,
      ...{ onMirror, report },
      maxFileBytes: (repository) => maxFileBytes(config.github, repository),
      planSubtask: (job) => planSubtask(planning, job),
      judgeNow: ({ claim, subtask, task }, { command, commit }, signal) =>
        judgeNow(verify, { claim, subtask, task, commit }, command, signal),
      expectAgent: (name) => (name === "builtin" ? loadClient() : undefined),
      limitsOf: ({ attempt: { agent }, subtask, task }) => {
        const { maxTurns, timeoutMs } = attemptLimits(config, task, agent);
        const reach = agentReach(config, task.repository, agent);
        return {
          timeoutMs,
          maxTurns: agent.startsWith("command:") ? null : maxTurns,
          reach: deps.sandbox.provider === "none" ? "open" : reach,
          isReviewed: assuranceOf(review, task, subtask) !== "quick",
        };
      },
      openSetupBox: (job, worktree) => openSetupBox(deps, job, worktree),
      giveSetup: (job, place) => giveSetup(verify, job, place),
    },
    recover: {
      ...shared,
      ...{ backoffBaseMs: config.backoffMs, chance: Math.random },
      findFallbacks: (task, subtask) => findFallbacks(config, task, subtask),
      failsOver: (repository) => roleSettings(config.roles, "coder", repository).failsOver,
      hasPlanner: (repository) => roleAgent(config, "planner", repository) !== null,
    },
    integrate: {
      ...shared,
      gate: (claim, task, subtask, commit, signal) =>
        judge(verify, claim, task, subtask, commit, "after_merge", signal),
      blame: (claim, task, red, signal) => blameBranch(whole, claim, task, red, signal),
    },
    deliver: {
      ...shared,
      artifacts: config.paths.artifacts,
      forge: countComments(db, makeCommenter(forge, openEventForges(config.forges, redact))),
      findForge: openForges(config.forges, forge, redact),
      // What the hook says of several wordings is no event of a check.
      runHook: (claim, task, signal) => (run) =>
        runHook({ ...verify, report: async () => {} }, { claim, task, signal }, run),
      commits: (repository) => commitSettings(config.commits, repository),
      gateWhole: (claim, task, signal) => gateWhole(whole, claim, task, signal),
    },
  };
}

/**
 * Checks keep processors busy, agents wait for their models: more checks at once than processors help
 * nobody. A daemon that leaves attempts to workers (`concurrency: 0`) still verifies and merges.
 */
export function maxChecks({ concurrency }: Pick<Config, "concurrency">): number {
  return Math.max(1, Math.min(concurrency, Math.max(4, availableParallelism())));
}
