import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findCandidates } from "../store/claims.ts";
import type { Db } from "../store/schema.ts";
import { getSubtask, getTask } from "../store/tasks.ts";
import { claimWorktree } from "../store/worktrees.ts";
import { addWorktree } from "../worktree/worktree.ts";

/**
 * While all slots are taken, the worktrees of those who wait longest are made, so that a slot that
 * becomes free has its agent started at once. Nothing is claimed by that: whoever gets the subtask,
 * this process or another one, finds the worktree or makes it, and one that nobody came to use goes
 * with the others when its task is over.
 */
export type PrepareAheadDeps = {
  db: Db;
  paths: { worktrees: string };
  /** How many are made ahead. */
  count: number;
  atOnce: number;
  /** Resolves when nothing more urgent is under way, or after a while. Throws when it is aborted. */
  untilCalm: (signal: AbortSignal) => Promise<void>;
  /** Says what is begun, so that other work may give way. Returns how to say it is done. */
  beginUrgent: () => () => void;
};

export function makePrepareAhead(deps: PrepareAheadDeps): (signal: AbortSignal) => Promise<void> {
  let ready: string[] = [];
  return async (signal) => {
    const waiting = await findCandidates(deps.db, "execute", deps.count, []);
    const ids = waiting.flatMap(({ subtaskId }) => subtaskId ?? []);
    ready = ready.filter((id) => ids.includes(id));
    const missing = ids.filter((id) => !ready.includes(id));
    for (let from = 0; from < missing.length; from += deps.atOnce) {
      await deps.untilCalm(signal);
      const some = missing.slice(from, from + deps.atOnce);
      await Promise.all(some.map((id) => prepare(deps, id))).finally(deps.beginUrgent());
      ready.push(...some);
    }
  };
}

/** Work that is gone on with has its worktree, and what is to be planned first needs another. */
async function prepare({ db, paths }: PrepareAheadDeps, id: string): Promise<void> {
  const subtask = await getSubtask(db, id);
  if (subtask?.state !== "ready" || subtask.kind !== "work" || subtask.sessionId !== null) return;
  const { baseCommit, taskId } = subtask;
  const mirror = (await getTask(db, taskId))?.preparation?.mirror;
  if (!baseCommit || !mirror) return;
  const path = join(paths.worktrees, id);
  await mkdir(paths.worktrees, { recursive: true });
  await claimWorktree(db, { taskId, subtaskId: id, mirror, path });
  await addWorktree({ gitDir: mirror }, path, baseCommit, { isAhead: true });
}
