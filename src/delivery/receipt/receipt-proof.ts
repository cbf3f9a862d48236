import { type ProofLevel, resolveProof } from "../../core/proof/proof.ts";
import { type Check, setupCheckName } from "../../core/proof/verdict.ts";
import type { Subtask, Task } from "../../core/task/task.ts";

/**
 * What `deputy prove` needs to run a task's checks and experiments again elsewhere: the checks as
 * they were run, and their setup. Wire names.
 */
export function describeRepeat(task: Task, subtasks: readonly Subtask[]) {
  const { preparation } = task;
  if (preparation === null) return null;
  const verdicts = subtasks.flatMap((subtask) =>
    [subtask.verdict, subtask.gateVerdict].filter((verdict) => verdict !== null),
  );
  const ran = verdicts.flatMap(({ checks }) => checks.map(({ check }) => check));
  const checks = new Map<string, Check>();
  for (const check of [...preparation.checks, ...ran])
    if (check.name !== setupCheckName) checks.set(check.command, check);
  const level: ProofLevel = resolveProof(task.proof, preparation.proof ?? null, null);
  return {
    level,
    setup: preparation.setup,
    services: (preparation.services ?? []).map(({ startTimeoutMs, ...service }) => ({
      ...{ ...service, start_timeout_ms: startTimeoutMs },
    })),
    registries: preparation.registries ?? [],
    checks: [...checks.values()].map(({ command, kind, name, report, source, timeoutMs }) => ({
      ...{ name, command, kind, source, report, timeout_ms: timeoutMs },
    })),
    protected_paths: preparation.protectedPaths,
    /** Files that the plan declares as written: subject to judging even if a check runs them. */
    writes: [...new Set(subtasks.flatMap(({ writes }) => writes))],
  };
}
