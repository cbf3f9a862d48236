import { DeputyError } from "../core/base/error.ts";
import { findOpenQuestion } from "../store/tasks/questions.ts";
import { listAttempts, listSubtasks } from "../store/tasks/tasks.ts";
import {
  listUnreported,
  markReported,
  type UntoldReport,
} from "../store/triggers/check-reports.ts";
import { composeCheck, supersedeCheck } from "./github/checks/compose-check.ts";
import type { Forge } from "./github/forge.ts";
import { nameOfPull } from "./github/github-repository.ts";
import type { TellDeps } from "./tell-stories.ts";

/**
 * Keeps a task's report among the checks of its commit: of the pull request that it delivered, or of
 * the one that it reviews. As with comments on issues, what it says is derived from rows and compared
 * with what it said, so nothing is missed, and a process may die at any moment.
 */
const batch = 20;
const longestPauseMs = 60 * 60_000;

export type ReportDeps = Pick<TellDeps, "db" | "log"> & {
  forge: Forge;
  /** Whether commands of people are heard in `owner/name`, so that buttons do something. */
  hearsCommands: (repository: string) => boolean;
};

/** One round. Returns how many reports were written. */
export async function reportChecks(deps: ReportDeps, stopping: AbortSignal): Promise<number> {
  let written = 0;
  for (const report of await listUnreported(deps.db, batch)) {
    if (stopping.aborted) break;
    if (await reportTask(deps, report)) written++;
  }
  return written;
}

async function reportTask(deps: ReportDeps, untold: UntoldReport): Promise<boolean> {
  const { db, forge, log } = deps;
  const { commit: before, failures, isOpen, problem, stamp, task, told } = untold;
  const place = findPlace(untold, forge.apiUrl);
  const done = { problem: null, failures: 0, toldAt: stamp };
  if (place === null) {
    await markReported(db, task.id, done);
    return false;
  }
  const { commit, repository } = place;
  const { hold } = task;
  const report = composeCheck(
    {
      task,
      subtasks: await listSubtasks(db, task.id),
      attempts: await listAttempts(db, { taskId: task.id }),
      asked: hold?.kind === "question" ? await findOpenQuestion(db, hold.questionId) : null,
    },
    deps.hearsCommands(repository),
  );
  const words = JSON.stringify(report);
  if (words === told && commit === before) {
    await markReported(db, task.id, done);
    return false;
  }
  try {
    const about = { repository, taskId: task.id };
    // What was begun on a commit that is not the work any more would stay open there for ever.
    if (isOpen && before !== null && before !== commit)
      await forge.reportCheck({
        ...{ ...about, commit: before, report: supersedeCheck(report, commit) },
      });
    await forge.reportCheck({ ...about, commit, report });
    await markReported(db, task.id, {
      ...{ ...done, commit, told: words, isOpen: report.conclusion === null },
    });
    return true;
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    const { message } = error;
    const say = `The check on ${repository}@${commit.slice(0, 10)} was not written: ${message}`;
    if (message !== problem) log("warn", { taskId: task.id }, say);
    // A refusal stands until there is something else to tell.
    const isRefused = error.code !== "unavailable";
    const pauseMs = Math.min(longestPauseMs, 30_000 * 2 ** Math.min(failures, 10));
    await markReported(db, task.id, {
      ...{ problem: message, failures: failures + 1 },
      ...(isRefused
        ? { toldAt: stamp }
        : { nextAt: error.retryAt ?? new Date(Date.now() + pauseMs) }),
    });
    return false;
  }
}

/** Null: it is not on this GitHub. */
function findPlace(
  { task }: UntoldReport,
  apiUrl: string,
): { repository: string; commit: string } | null {
  const { base, deliveredCommit, deliveryUrl, origin } = task;
  if (task.delivery === "comment") {
    // A place on another forge begins with the forge's name.
    const [, repository] = /^([\w.-]+\/[\w.-]+)#\d+$/.exec(origin.replyTo ?? "") ?? [];
    return base === null || repository === undefined ? null : { repository, commit: base };
  }
  const of = deliveryUrl === null ? null : nameOfPull(task.repository, deliveryUrl, apiUrl);
  return of === null || deliveredCommit === null
    ? null
    : { repository: of, commit: deliveredCommit };
}
