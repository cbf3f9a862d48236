import { describeJudge } from "../../core/proof/judge-words.ts";
import { describeAcceptor, describeCause, finalOf } from "../../core/proof/proof-words.ts";
import type { Experiment, JudgeChange } from "../../core/proof/verdict.ts";
import type { Subtask } from "../../core/task/task.ts";

/**
 * The receipt's part on what a green check means: what turned it green, which judge files changed
 * and who accepted each, and the experiments, so that a person can repeat them. Pure; wire names.
 */
export function describeEvidence(subtasks: readonly Subtask[]) {
  const finals = subtasks.flatMap((subtask) => {
    const verdict = finalOf(subtask);
    return verdict ? [{ subtask: subtask.key, verdict }] : [];
  });
  return {
    causes: finals.flatMap(({ subtask, verdict }) =>
      (verdict.causes ?? []).map((cause) => ({
        ...{ subtask, check: cause.check, paths: cause.paths, smallest: cause.smallest },
        by_source: cause.bySource,
        says: describeCause(cause),
      })),
    ),
    judges: finals.flatMap(({ subtask, verdict }) =>
      (verdict.judges ?? []).map((judge) => ({ subtask, ...describeChangedJudge(judge) })),
    ),
    experiments: finals.flatMap(({ subtask, verdict }) =>
      (verdict.experiments ?? []).map((experiment) => ({
        subtask,
        ...describeExperiment(experiment),
      })),
    ),
  };
}

function describeChangedJudge(judge: JudgeChange) {
  const { accepted, content, from = null, kind, path, status, weaker, why } = judge;
  return { path, from, status, kind, why, weaker, content, accepted, says: describeJudge(judge) };
}

function describeExperiment({ check, command, durationMs, kind, result, says, tree }: Experiment) {
  return { kind, check, command, tree, result, says, duration_ms: durationMs };
}

export type ReceiptEvidence = ReturnType<typeof describeEvidence>;

/** Sections of list items; the renderer keeps each item on one line. */
export function renderEvidence({
  causes,
  experiments,
  judges,
}: ReceiptEvidence): { title: string; items: string[] }[] {
  return [
    { title: "What turned checks green", items: causes.map(({ says }) => says) },
    {
      title: "Judges that changed",
      items: judges.map(({ accepted, says }) => {
        const who = accepted
          ? `accepted by ${describeAcceptor(accepted)}: "${accepted.evidence}"`
          : "accepted by nobody";
        return `${says}: ${who}`;
      }),
    },
    {
      title: "Experiments",
      items: experiments.map(
        ({ command, duration_ms, kind, result, says, tree }) =>
          `${kind.replaceAll("_", " ")}, ${result}: ${says} (\`${command}\` on tree \`${tree}\`, ${(duration_ms / 1000).toFixed(1)} s)`,
      ),
    },
  ];
}
