import type { RunRole } from "../agents/agent.ts";
import { reportProgress } from "../orchestrator/commands/commands.ts";
import { makeCheckSandbox } from "../roles/box.ts";
import { describeCoder, findArbiter, findReviewers } from "../roles/reviewers.ts";
import type { Phase, VerifyDeps } from "../verifier/checks/task-place.ts";
import type { ReviewDeps } from "../verifier/review/review-round.ts";
import type { StageDeps } from "./wire-stages.ts";

const where = {
  attempt: "on the attempt's commit",
  after_merge: "after the merge",
  whole: "on the whole",
} as const satisfies Record<Phase, string>;

/** The events of checks, experiments and denials, the sandbox of checks, and the reviewers. */
export function wireVerification(
  deps: StageDeps,
  { report, runRole }: { report: ReviewDeps["report"]; runRole: RunRole },
): Pick<VerifyDeps, "sandbox" | "report" | "tell" | "reportExperiment" | "proof"> & {
  review: ReviewDeps;
} {
  const { db, config } = deps;
  return {
    sandbox: (claim, task) => ({
      ...makeCheckSandbox(deps, task),
      onDenials: (by, { command }, denials) => {
        const what = denials.map(({ detail }) => detail).join("; ");
        const message = `${by === "setup" ? "Setup" : "Check"} \`${command}\` was refused by the sandbox: ${what}`;
        const data = { step: "denied", by, command, denials };
        // Evidence beside the verdict: the check stands without it.
        report(claim, message.slice(0, 300), data).catch(() => {});
      },
    }),
    report: (claim, { check, run, result, reason }, phase) =>
      reportProgress(db, claim, {
        type: "check.finished",
        message: `Check \`${check.command}\` ${where[phase]}: ${result} (${reason})`,
        data: {
          ...{ command: check.command, kind: check.kind, result, reason, phase },
          ...{ exit_code: run.exitCode, duration_ms: run.durationMs },
        },
      }),
    reportExperiment: (claim, { says, kind, command, tree, result, durationMs }) =>
      reportProgress(db, claim, {
        type: "experiment.finished",
        message: says,
        data: { kind, command, tree, result, duration_ms: durationMs },
      }),
    tell: report,
    proof: config.proof,
    review: {
      ...{ runRole, report, assurance: config.assurance },
      candidates: ({ repository }, agent) => findReviewers(config, repository, agent),
      arbiter: ({ repository }) => findArbiter(config, repository),
      coder: ({ repository }, agent) => describeCoder(config, repository, agent),
    },
  };
}
