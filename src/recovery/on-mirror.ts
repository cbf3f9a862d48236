import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import type { Claim, Stage } from "../core/task/outcome.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import type { Db } from "../store/database/schema.ts";
import { getTask } from "../store/tasks/tasks.ts";
import { fetchContent } from "../worktree/content/fetch-content.ts";
import type { Mirror, Mirrors } from "../worktree/mirror/mirror.ts";
import { withSoundMirror } from "../worktree/mirror/repair-mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { findLostWork, WorkLost } from "./find-lost-work.ts";

/**
 * Run work on a task's mirror. Where that is broken it is made anew, what the worktrees still hold of
 * the task's commits is put into it, and the work runs again: it has to find out itself what it had done.
 * Rejects with WorkLost where commits that the claim needs are nowhere any more.
 */
export type OnMirror = <T>(
  about: { claim: Claim; task: Task; signal: AbortSignal },
  work: () => Promise<T>,
) => Promise<T>;

type Deps = {
  db: Db;
  mirrors: Mirrors;
  redact: Redact;
  authHeader: AuthHeader;
};

export function makeOnMirror({ db, mirrors, redact, authHeader }: Deps): OnMirror {
  return async ({ claim, task, signal }, work) => {
    const { preparation } = task;
    invariant(preparation, "a task that is worked on was prepared");
    const repository = parseRepository(task.repository);
    const header = await authHeader(repository.url);
    const want = preparation.baseCommit;
    const fill = (mirror: Mirror) =>
      fetchContent(mirror, repository, want, { authHeader, signal, mayAsk: task.expectsChange });
    const options = { signal, want, fill, ...(header && { authHeader: header }) };
    try {
      return await withSoundMirror(mirrors.at(preparation.mirror), repository, options, work);
    } catch (error) {
      if (signal.aborted) throw error;
      // While the mirror cannot be made at all, nobody can say what is lost.
      const lost = await findLostWork({ db, mirrors, redact }, claim).catch(() => null);
      if (lost === null) throw error;
      if (lost === "restored") return work();
      throw new WorkLost(lost);
    }
  };
}

/** A stage whose WorkLost becomes an outcome. */
export function reportLostWork(stage: Stage): Stage {
  return (claim, signal) =>
    stage(claim, signal).catch((error: unknown) => {
      if (error instanceof WorkLost) return { kind: "work_lost", ...error.work };
      throw error;
    });
}

/** Stages that run on the mirror of their task, and again once a broken mirror is repaired. */
export function repairMirror(deps: { db: Db; onMirror: OnMirror }): (stage: Stage) => Stage {
  return (stage) =>
    reportLostWork(async (claim, signal) => {
      const task = await getTask(deps.db, claim.taskId);
      invariant(task, "a claimed task exists");
      return deps.onMirror({ claim, task, signal }, () => stage(claim, signal));
    });
}

/** The same for what a person asks about a task: what is lost is told. A task without a mirror needs none. */
export async function forPerson<T>(
  onMirror: OnMirror,
  task: Task,
  work: () => Promise<T>,
): Promise<T> {
  if (!task.preparation) return work();
  const ids = { taskId: task.id, subtaskId: null, attemptId: null };
  const { signal } = new AbortController();
  try {
    return await onMirror({ claim: { stage: "deliver", ...ids, epoch: 0 }, task, signal }, work);
  } catch (error) {
    if (!(error instanceof WorkLost)) throw error;
    throw new DeputyError(
      "conflict",
      `The change of ${task.id} cannot be read: ${error.message}. It is made again when ${task.id} is worked on: deputy say, comment or retry.`,
    );
  }
}
