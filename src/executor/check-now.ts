import type { AgentRun, Tried } from "../agents/agent.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import { leaveOutSetup } from "../worktree/checkout/leave-out-setup.ts";
import { keepWorktree } from "../worktree/commits/keep-worktree.ts";
import { keepSubmodules, submoduleSetupRef } from "../worktree/content/keep-submodules.ts";
import { findRejected } from "./finish-attempt.ts";
import type { ExecuteDeps, Job } from "./job.ts";
import { setupRef } from "./run-setup.ts";

/**
 * Judges a worktree's files while its agent works on: made into a commit as at the attempt's end, which
 * no ref keeps, because a clean worktree holds it for as long as it is needed. Undefined where the work
 * has no check. What the daemon cannot do is told to people; the agent goes on without it.
 */
export function openCheck(deps: ExecuteDeps, job: Job, path: string): AgentRun["check"] {
  const { attempt, mirror, progress, subtask, task } = job;
  const own = task.preparation?.checks ?? [];
  if (!task.expectsChange || own.length + subtask.checks.length === 0) return undefined;
  const base = attempt.baseCommit;
  const sparse = sparseOf(task.preparation);
  const message = `What ${attempt.id} checked`;

  const checkNow = async (command: string | null, signal: AbortSignal): Promise<Tried> => {
    const kept = await keepWorktree(mirror, { path, base, message, ref: null, sparse });
    const commit =
      task.preparation?.setup.length === 0
        ? kept.commit
        : await leaveOutSetup(mirror, setupRef(subtask.id), {
            ...{ commit: kept.commit, base, message, ref: null },
          });
    if (commit === base && subtask.integratedCommit === null)
      return { ok: false, text: "Error: no file is changed yet, so there is nothing to check" };
    const rejected = await findRejected(deps, job, path, { ...kept, commit });
    if (rejected !== null) return { ok: false, text: `refused: ${rejected}` };
    const since = submoduleSetupRef(subtask.id);
    const inSubmodules = await keepSubmodules(mirror, { path, base, ref: null, since });
    if (inSubmodules.length > 0)
      return {
        ok: false,
        text: `refused: changes in submodules are not delivered: ${inSubmodules.slice(0, 10).join(", ")}`,
      };
    return deps.judgeNow(job, { commit, command }, signal);
  };

  return async (command, signal) => {
    try {
      return await checkNow(command, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      progress.tell(`The agent's check could not be done: ${(error as Error).message}`, {
        step: "check",
      });
      const text =
        "Error: the checks could not be run, which is no fault of yours. They run when you finish";
      return { ok: false, text };
    }
  };
}
