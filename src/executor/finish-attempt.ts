import type { RoleEnd } from "../agents/agent.ts";
import { findSpaceProblem } from "../core/base/space.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import { whyParked } from "../core/task/abort-cause.ts";
import type { FailureKind } from "../core/task/failure.ts";
import type { Outcome } from "../core/task/outcome.ts";
import type { BaseUpdate } from "../core/task/task.ts";
import { cutText } from "../core/text/clean-text.ts";
import { attemptRef, commitMessage } from "../core/text/commit-message.ts";
import { isVolumeFull, type RoomAtStart } from "../sandbox/limits/measure-room.ts";
import { waitOut } from "../store/database/outage.ts";
import { markUnprepared, type WorktreeRow } from "../store/tasks/worktrees.ts";
import { freeVolume } from "../worktree/checkout/free-volume.ts";
import { leaveOutSetup } from "../worktree/checkout/leave-out-setup.ts";
import { hasHome, removeHome } from "../worktree/checkout/worktree-home.ts";
import { type KeptWorktree, keepWorktree } from "../worktree/commits/keep-worktree.ts";
import type { Skipped } from "../worktree/commits/worktree-changes.ts";
import { findUnfitContent } from "../worktree/content/find-unfit-content.ts";
import {
  keepSubmodules,
  submoduleRefOf,
  submoduleSetupRef,
} from "../worktree/content/keep-submodules.ts";
import type { Mirror } from "../worktree/mirror/mirror.ts";
import { noneIfTooLarge, readFileAt } from "../worktree/read/read-commit.ts";
import { type Attempted, findHandedOver, handIn } from "./hand-in.ts";
import type { ExecuteDeps, Job } from "./job.ts";
import { setupRef } from "./run-setup.ts";

/**
 * Turns a worktree whose agent has ended into a commit of everything in it, however the attempt
 * ended, and an outcome that names anything that cannot be delivered. `room` is the free space on
 * the volume when the attempt started. Rejects if the commit cannot be made.
 */
export async function finishAttempt(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
  end: RoleEnd,
  room: RoomAtStart,
): Promise<Outcome> {
  const { attempt, mirror, signal, subtask, task } = job;
  const ref = attemptRef(attempt.id);
  const sparse = sparseOf(task.preparation);
  const about = {
    base: attempt.baseCommit,
    message: commitMessage(task, subtask, end.summary, deps.redact),
    ref,
  };
  const free = async () => {
    // Setup makes the home again, so it goes before any file of the work.
    if (await hasHome(worktree.path)) {
      await waitOut(() => markUnprepared(deps.db, worktree.id));
      await removeHome(mirror, worktree.path);
      await mirror.whenDeleted();
      if (!(await isVolumeFull(deps.paths.worktrees))) return null;
    }
    return freeVolume(worktree.path, room);
  };
  let filled = (await isVolumeFull(deps.paths.worktrees)) ? await free() : null;
  const keep = () => keepWorktree(mirror, { path: worktree.path, sparse, ...about });
  const kept = await keep().catch(async (error) => {
    if (findSpaceProblem(error) === null) throw error;
    const hadHome = await hasHome(worktree.path);
    filled ??= await free();
    if (filled === null && !hadHome) throw error;
    return keep();
  });
  const hasSetup = task.expectsChange && task.preparation?.setup.length !== 0;
  const withoutSetup = (all: string) =>
    hasSetup ? leaveOutSetup(mirror, setupRef(subtask.id), { commit: all, ...about }) : all;
  const inSubmodules = task.expectsChange
    ? await keepSubmodules(mirror, {
        path: worktree.path,
        base: attempt.baseCommit,
        ref: submoduleRefOf(attempt.id),
        since: submoduleSetupRef(subtask.id),
      })
    : [];
  const why = whyParked(signal);
  if (why !== null) {
    return {
      kind: "parked",
      detail: `${why}; the agent's work is kept`,
      snapshotRef: ref,
    };
  }
  const tellLeftOut = (said: string, paths: string[]) =>
    job.progress.tell(said, { step: "left_out", paths });
  const endAt = async (commit: string): Promise<Attempted> => {
    const judged = end.reason === "done" && task.expectsChange;
    const made = { commit, skipped: kept.skipped };
    const rejected =
      filled ?? (judged ? await findRejected(deps, job, worktree.path, made, tellLeftOut) : null);
    // A comment on merged work may be answered in words: the merged work stands.
    const mustChange = subtask.integratedCommit === null;
    const hasChecks = (task.preparation?.checks.length ?? 0) + subtask.checks.length > 0;
    // Green checks then decide whether that is so (verify-stage.ts).
    const isNothing = end.nothingToDo && hasChecks && inSubmodules.length === 0;
    const unchanged = judged && mustChange && !isNothing && commit === attempt.baseCommit;
    const fault: { failure: FailureKind; detail: string } | null =
      rejected !== null
        ? { failure: "content_rejected", detail: rejected }
        : unchanged
          ? { failure: "no_change", detail: describeNoChange(inSubmodules) }
          : null;
    return {
      kind: "attempted",
      reason: fault ? "gave_up" : end.reason,
      failure: fault?.failure ?? end.failure,
      detail: fault?.detail ?? end.detail,
      outputTail: end.outputTail,
      // A review delivers words; anything it wrote stays in its snapshot.
      commit: task.expectsChange ? commit : attempt.baseCommit,
      snapshotRef: ref,
      summary: end.summary,
      question: end.question,
      choices: end.choices,
      discoveries: end.discoveries,
      followUps: end.followUps,
      confinement: end.confinement,
      retryAt: end.retryAt,
    };
  };
  const ended = await endAt(await withoutSetup(kept.commit));
  return handIn({ db: deps.db, signal }, attempt, ended, async () => {
    const found = await findHandedOver(deps.db, mirror, attempt, about);
    return found === null ? null : endAt(await withoutSetup(found));
  });
}

/**
 * Why the agent's files cannot be delivered, path by path; null if they can. Entries that git
 * cannot hold (FIFOs, sockets, devices) are left out and reported.
 */
export async function findRejected(
  deps: Pick<ExecuteDeps, "maxFileBytes">,
  { attempt, mirror, task }: Pick<Job, "attempt" | "mirror" | "task">,
  workTree: string,
  { commit, skipped }: KeptWorktree,
  tellLeftOut: (said: string, paths: string[]) => void = () => {},
): Promise<string | null> {
  const unfit = await findUnfitContent(mirror, {
    ...{ workTree, commit, skipped, base: attempt.baseCommit },
    maxFileBytes: deps.maxFileBytes(task.repository),
  });
  const say = (found: readonly Skipped[]) =>
    found
      .slice(0, maxNamed)
      .map(({ path, reason }) => `${JSON.stringify(cutText(path, 200))} ${reason}`)
      .join("; ") + (found.length > maxNamed ? `; and ${found.length - maxNamed} more` : "");
  const leftOut = unfit.filter(({ isContent }) => !isContent);
  if (leftOut.length > 0)
    tellLeftOut(
      `Left out, because git cannot hold it: ${say(leftOut)}`,
      leftOut.slice(0, maxNamed).map(({ path }) => path),
    );
  const marked = await listMarked(mirror, commit, task.preparation?.update);
  if (marked.length > 0)
    return `the conflict with the base is not resolved in ${marked.slice(0, maxNamed).join(", ")}: the conflict markers are still there`;
  const content = unfit.filter(({ isContent }) => isContent);
  if (content.length === 0) return null;
  return `the result cannot be delivered: ${say(content)}. Rename, split, move or remove it, or have .gitignore ignore it`;
}

const maxNamed = 10;

/** The files that still have the markers of a merge with the base: by its commits they are told. */
async function listMarked(
  mirror: Mirror,
  commit: string,
  update: BaseUpdate | undefined,
): Promise<string[]> {
  const marked: string[] = [];
  for (const path of update?.conflicts ?? []) {
    const text = await readFileAt(mirror, commit, path).catch(noneIfTooLarge);
    if (text?.includes(`<<<<<<< ${update?.work}`) || text?.includes(`>>>>>>> ${update?.base}`))
      marked.push(path);
  }
  return marked;
}

function describeNoChange(inSubmodules: readonly string[]): string {
  if (inSubmodules.length === 0) return "no change: the agent ended without changing anything";
  return `no change: the agent changed only submodules, which Deputy does not deliver (${inSubmodules.slice(0, 10).join(", ")})`;
}
