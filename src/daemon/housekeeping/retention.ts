import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../config/config.ts";
import { chooseForgettable, choosePrunable, type Due } from "../../core/task/retention.ts";
import { tidyWorktree } from "../../delivery/hand-over.ts";
import { pruneTask } from "../../orchestrator/commands/prune-task.ts";
import type { Db } from "../../store/database/schema.ts";
import { deleteLeftovers } from "../../store/records/leftovers.ts";
import { isMirrorInUse, listOldTasks, type OldTask } from "../../store/records/retention.ts";
import { listAttempts } from "../../store/tasks/tasks.ts";
import {
  submoduleBeforeRef,
  submoduleRefOf,
  submoduleSetupRef,
  submoduleWorktreeRef,
} from "../../worktree/content/keep-submodules.ts";
import { collectGarbage, packMirror } from "../../worktree/mirror/collect-garbage.ts";
import { deleteRefs, type Mirrors } from "../../worktree/mirror/mirror.ts";
import { removeSetAside } from "../../worktree/mirror/repair-mirror.ts";
import type { Log } from "../home/log.ts";

/**
 * Finished tasks are kept for a time (`retention_days`); then their logs, events, transcripts,
 * snapshots and worktrees are removed. Tasks, attempts, verdicts, receipts, patches and the commits
 * of task branches stay. core/retention.ts decides what is old enough; this round applies it, one
 * task at a time with a pause in between, and never to an unfinished one. Rows that belong to no
 * task (leftovers.ts) go in the same round.
 */
export async function pruneOldTasks(
  deps: { db: Db; mirrors: Mirrors; config: Config; log: Log },
  signal: AbortSignal,
): Promise<void> {
  const { config, db, log, mirrors } = deps;
  if (config.retentionDays === null) return;
  const before = new Date(Date.now() - config.retentionDays * dayMs);
  const shrunk = new Set<string>();
  for (const task of await listOldTasks(db, before)) {
    if (signal.aborted) return;
    try {
      const due = choosePrunable(task, before);
      await pruneOne(deps, task, due);
      if (task.mirror && (due.records || due.snapshots.length > 0)) shrunk.add(task.mirror);
    } catch (error) {
      log.error(
        { err: error, task: task.id },
        "could not prune a task; it is tried again tomorrow",
      );
    }
    await sleep(pauseMs);
  }
  if (signal.aborted) return;
  await forgetLeftovers(deps, config.retentionDays);
  const setAside = await removeSetAside(config.paths.mirrors, before);
  if (setAside > 0) log.info({ setAside, before }, "removed broken mirrors that were set aside");
  for (const gitDir of shrunk) {
    if (signal.aborted) return;
    try {
      // Collecting garbage takes the repository's lock, for minutes in a large repository.
      const inUse = await isMirrorInUse(db, gitDir);
      await (inUse ? packMirror : collectGarbage)(mirrors.at(gitDir), signal);
      log.info({ mirror: gitDir, inUse }, "packed a mirror");
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, mirror: gitDir }, "could not pack a mirror");
    }
  }
}

const dayMs = 24 * 60 * 60_000;
const pauseMs = 20;

async function forgetLeftovers(
  { db, log }: { db: Db; log: Log },
  retentionDays: number,
): Promise<void> {
  const before = chooseForgettable(retentionDays, new Date());
  try {
    const removed = await deleteLeftovers(db, before);
    if (Object.values(removed).some((count) => count > 0))
      log.info({ removed, before }, "forgot old keys, deliveries, processes and baselines");
  } catch (error) {
    log.error(
      { err: error },
      "could not forget old keys and deliveries; it is tried again tomorrow",
    );
  }
}

async function pruneOne(
  { config, db, log, mirrors }: { db: Db; mirrors: Mirrors; config: Config; log: Log },
  task: OldTask,
  due: Due,
): Promise<void> {
  const why = `kept for ${config.retentionDays} days after its end (retention_days)`;
  for (const worktree of due.worktrees) {
    await tidyWorktree(db, mirrors, worktree);
    log.info({ task: task.id, worktree, why }, "removed a worktree, after a snapshot");
  }
  const { endedAt, id } = task;
  if (endedAt === null || (!due.records && due.snapshots.length === 0)) return;
  const removed = await pruneTask(db, { id, endedAt }, due, why, () =>
    removeFiles({ db, mirrors }, config.paths.logs, task, due),
  );
  if (removed) log.info({ task: id, endedAt, why, removed }, "pruned a task");
}

/** Removes logs and refs. Missing ones are fine: the round before may have been interrupted. */
async function removeFiles(
  { db, mirrors }: { db: Db; mirrors: Mirrors },
  logs: string,
  task: OldTask,
  due: Due,
): Promise<{ logs: number; snapshots: number }> {
  const attempts = due.records ? await listAttempts(db, { taskId: task.id }) : [];
  const ids = attempts.map(({ id }) => id);
  const subtasks = new Set(attempts.map(({ subtaskId }) => subtaskId));
  let removedLogs = 0;
  if (due.records) {
    const checks = await readdir(join(logs, task.id), { recursive: true }).catch(() => []);
    const paths = [...ids.map((id) => `${id}.log`), `plan-${task.id}.log`];
    const there = new Set(await readdir(logs));
    const files = paths.filter((path) => there.has(path));
    for (const path of [...files, task.id]) {
      await rm(join(logs, path), { recursive: true, force: true });
    }
    removedLogs = files.length + checks.filter((path) => path.endsWith(".log")).length;
  }
  const refs = [
    ...ids.flatMap((id) => [
      `attempts/${id}`,
      `before/${id}`,
      `checkpoints/${id}`,
      submoduleRefOf(id),
      submoduleBeforeRef(id),
    ]),
    ...(due.records ? [`checkpoints/${task.id}`] : []),
    ...due.snapshots.flatMap((id) => [`worktrees/${id}`, submoduleWorktreeRef(id)]),
    ...[...subtasks].flatMap((id) => [`setups/${id}`, `without/${id}`, submoduleSetupRef(id)]),
  ];
  const snapshots = task.mirror === null ? 0 : await deleteRefs(mirrors.at(task.mirror), refs);
  return { logs: removedLogs, snapshots };
}
