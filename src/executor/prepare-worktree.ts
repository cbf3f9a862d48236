import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { attemptMark } from "../core/base/marks.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import { waitOut } from "../store/database/outage.ts";
import { getSession } from "../store/records/sessions.ts";
import { claimWorktree, portsPerWorktree, type WorktreeRow } from "../store/tasks/worktrees.ts";
import { setAside, setAsideRecent } from "../worktree/checkout/set-aside.ts";
import {
  addWorktree,
  adoptWorktree,
  moveBase,
  renewWorktree,
  resetWorktree,
} from "../worktree/checkout/worktree.ts";
import { snapshotWorktree } from "../worktree/commits/snapshot.ts";
import { listLeftOut } from "../worktree/commits/worktree-changes.ts";
import { keepSubmodules, submoduleBeforeRef } from "../worktree/content/keep-submodules.ts";
import { hasCommit } from "../worktree/mirror/mirror.ts";
import type { ExecuteDeps, Job } from "./job.ts";

/**
 * Where an agent works: a worktree at the attempt's base or at the work that it continues, and a range
 * of ports. What lay there before is kept first, as a snapshot and in a folder aside.
 */

/**
 * The subtask's worktree: at the attempt's base, or, for an attempt that continues earlier work, at
 * that work's last checkpoint. Existing content is kept as a snapshot. Rejects if the files are not
 * as they should be, and names the path.
 */
export async function prepareWorktree(deps: ExecuteDeps, job: Job): Promise<WorktreeRow> {
  const { attempt, mirror, subtask, task } = job;
  const path = join(deps.paths.worktrees, subtask.id);
  await mkdir(deps.paths.worktrees, { recursive: true });
  const wanted = { taskId: task.id, subtaskId: subtask.id, mirror: mirror.gitDir, path };
  const row = await waitOut(() => claimWorktree(deps.db, wanted));
  const session = attempt.sessionId ? await getSession(deps.db, attempt.sessionId) : null;
  const sparse = sparseOf(task.preparation);
  await adoptWorktree(mirror, path, attempt.baseCommit, sparse);
  // A reviewed commit is untrusted and may name any submodule, so they stay empty.
  const submodules = task.expectsChange ? "filled" : "empty";
  const added = await addWorktree(mirror, path, attempt.baseCommit, submodules, sparse);
  /** What the snapshot cannot hold. */
  let leftOut: string[] = [];
  if (added === "existed") {
    const { skipped } = await snapshotWorktree(mirror, path, {
      parent: attempt.baseCommit,
      message: `Before attempt ${attempt.number} of ${subtask.id}`,
      ref: `refs/deputy/before/${attempt.id}`,
      sparse,
    });
    leftOut = listLeftOut(skipped);
    const ref = submoduleBeforeRef(attempt.id);
    await keepSubmodules(mirror, { path, base: attempt.baseCommit, ref, since: null });
  }
  const checkpoint = session?.checkpointCommit ?? attempt.baseCommit;
  // The checkpoints are gone if the mirror was lost.
  const isLost = !(await hasCommit(mirror, checkpoint));
  const at = isLost ? attempt.baseCommit : checkpoint;
  // An agent with a session of its own knows what it did since the checkpoint: its files stay as
  // they are, if they still exist.
  const isLeft = (session?.externalId != null || isLost) && added === "existed";
  if (session === null && added === "existed") {
    tellAside(job, await setAsideRecent(mirror, path, leftOut));
    await renewWorktree(mirror, path, attempt.baseCommit, submodules, sparse);
  } else if (!isLeft && (added === "existed" || at !== attempt.baseCommit)) {
    tellAside(job, await setAside(path, leftOut));
    await resetWorktree(mirror, path, at, task.expectsChange ? "left" : "empty", sparse);
  }
  if (isLeft || at !== attempt.baseCommit) await moveBase(mirror, path, attempt.baseCommit);
  job.progress.tell(`Worktree ready at ${at.slice(0, 10)}`, {
    step: "worktree",
    path,
    base_commit: attempt.baseCommit,
    port: row.portBase,
  });
  // A new worktree has nothing that setup installed.
  return added === "created" || session === null ? { ...row, preparedFor: null } : row;
}

function tellAside({ progress }: Job, aside: string | null): void {
  if (aside !== null)
    progress.tell(`Set aside for a day in ${aside}: files that no snapshot holds`, {
      ...{ step: "set_aside", path: aside },
    });
}

export function worktreeEnvironment(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
): Record<string, string> {
  const ports =
    worktree.portBase === null
      ? {}
      : {
          PORT: String(worktree.portBase),
          DEPUTY_PORT_RANGE: `${worktree.portBase}-${worktree.portBase + portsPerWorktree - 1}`,
        };
  return {
    ...deps.environment(job.task.preparation?.tools),
    ...ports,
    DEPUTY_TASK_ID: job.task.id,
    DEPUTY_SUBTASK: job.subtask.key,
    DEPUTY_ATTEMPT: String(job.attempt.number),
    [attemptMark]: job.attempt.id,
    // No one can answer a prompt: npx installs without asking.
    npm_config_yes: "true",
    // An agent's git must not climb out of its worktree into a surrounding repository.
    GIT_CEILING_DIRECTORIES: deps.paths.worktrees,
  };
}
