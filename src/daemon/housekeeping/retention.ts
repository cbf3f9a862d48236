import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../config/config.ts";
import {
  chooseForgettable,
  choosePrunable,
  type Due,
  whenSettled,
} from "../../core/task/retention.ts";
import { tidyWorktree } from "../../delivery/hand-over.ts";
import { pruneTask } from "../../orchestrator/commands/prune-task.ts";
import type { Db } from "../../store/database/schema.ts";
import { deleteLeftovers } from "../../store/records/leftovers.ts";
import { isMirrorInUse, listOldTasks, type OldTask } from "../../store/records/retention.ts";
import { listAttempts } from "../../store/tasks/tasks.ts";
import { listWatched } from "../../store/triggers/watches.ts";
import {
  submoduleBeforeRef,
  submoduleRefOf,
  submoduleSetupRef,
  submoduleWorktreeRef,
} from "../../worktree/content/keep-submodules.ts";
import { collectGarbage, packMirror } from "../../worktree/mirror/collect-garbage.ts";
import { measureSnapshots } from "../../worktree/mirror/measure-snapshots.ts";
import { deleteRefs, listMirrors, listRefs, type Mirrors } from "../../worktree/mirror/mirror.ts";
import { removeSetAside } from "../../worktree/mirror/repair-mirror.ts";
import { isInSource } from "../../worktree/read/read-commit.ts";
import type { Log } from "../home/log.ts";

/**
 * Finished tasks are kept for a time (`retention_days`); then their logs, events, transcripts and
 * worktrees are removed, and their snapshots once they are settled as well. Where those of a
 * repository take more than `snapshots_mb`, the ones of settled tasks go earlier, the oldest first.
 * Tasks, attempts, verdicts, receipts, patches and the commits of task branches stay.
 * core/retention.ts decides what may go; this round applies it, one task at a time with a pause in
 * between, and never to an unfinished one. Rows that belong to no task (leftovers.ts) go in the same
 * round.
 */
export async function pruneOldTasks(deps: PruneDeps, signal: AbortSignal): Promise<void> {
  const { config, db, log, mirrors } = deps;
  const shrunk = new Set<string>();
  if (config.retentionDays !== null) {
    const before = new Date(Date.now() - config.retentionDays * dayMs);
    await pruneBefore(deps, before, shrunk, signal);
    if (signal.aborted) return;
    await forgetLeftovers(deps, config.retentionDays);
    const setAside = await removeSetAside(config.paths.mirrors, before);
    if (setAside > 0) log.info({ setAside, before }, "removed broken mirrors that were set aside");
  }
  await tidyWatched(deps, shrunk, signal);
  if (config.snapshotsMb !== null) await limitSnapshots(deps, config.snapshotsMb, shrunk, signal);
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

type PruneDeps = { db: Db; mirrors: Mirrors; config: Config; log: Log };

/** Adds the mirrors out of which something went to `shrunk`. */
async function pruneBefore(
  deps: PruneDeps,
  before: Date,
  shrunk: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  const { config, db, log, mirrors } = deps;
  const why = `kept for ${config.retentionDays} days after its end (retention_days)`;
  let unsettled = 0;
  for (const task of await listOldTasks(db, before)) {
    if (signal.aborted) return;
    try {
      const settledAt = await findSettled(mirrors, task);
      if (settledAt === null) unsettled++;
      const due = choosePrunable({ ...task, settledAt }, before);
      await pruneOne(deps, task, due, why);
      const isSmaller = due.records || due.attempts || due.snapshots.length > 0;
      if (task.mirror && isSmaller) shrunk.add(task.mirror);
    } catch (error) {
      log.error(
        { err: error, task: task.id },
        "could not prune a task; it is tried again tomorrow",
      );
    }
    await sleep(pauseMs);
  }
  if (unsettled > 0)
    log.info(
      { unsettled, before },
      "kept the snapshots of old tasks that nobody accepted or discarded",
    );
}

/** A merge that a person made by hand settles a task, too. */
async function findSettled(mirrors: Mirrors, task: OldTask): Promise<Date | null> {
  const settledAt = whenSettled(task, false);
  const { deliveredCommit: commit, mirror } = task;
  if (settledAt !== null || task.state !== "completed" || !commit || !mirror) return settledAt;
  // Where that cannot be read, the task stays undecided, and the next round asks again.
  const isTaken = await isInSource(mirrors.at(mirror), commit).catch(() => false);
  return whenSettled(task, isTaken);
}

/**
 * A watch leaves an unreferenced snapshot for each change that it sees, whether tasks come of it or not.
 * Those of a watch that is gone keep nothing any more.
 */
async function tidyWatched(
  { db, log, mirrors }: PruneDeps,
  shrunk: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  for (const mirror of await listMirrors(mirrors)) {
    if (signal.aborted) return;
    try {
      const refs = await listRefs(mirror, ["refs/deputy/watch/"]);
      if (refs.length === 0) continue;
      shrunk.add(mirror.gitDir);
      const kept = (await listWatched(db)).map((rule) => `refs/deputy/watch/${rule}/`);
      const gone = refs
        .map(({ ref }) => ref)
        .filter((ref) => !kept.some((prefix) => ref.startsWith(prefix)));
      await deleteRefs(mirror, gone);
      if (gone.length > 0)
        log.info({ mirror: mirror.gitDir, gone }, "forgot what gone watches saw");
    } catch (error) {
      log.error({ err: error, mirror: mirror.gitDir }, "could not tidy what watches saw");
    }
  }
}

/** Removes the snapshots of settled tasks of each mirror that has more than this, the oldest first. */
async function limitSnapshots(
  deps: PruneDeps,
  maxMb: number,
  shrunk: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  const { db, log, mirrors } = deps;
  // One that was settled by mistake can be looked at for a day.
  const before = new Date(Date.now() - dayMs);
  for (const mirror of await listMirrors(mirrors)) {
    if (signal.aborted) return;
    const { gitDir } = mirror;
    try {
      let bytes = await measureSnapshots(mirror, signal);
      const isOver = () => bytes > maxMb * megabyte;
      if (!isOver()) continue;
      for (const task of await listOldTasks(db, before)) {
        if (signal.aborted) return;
        if (!isOver()) break;
        if (task.mirror !== gitDir) continue;
        const settledAt = await findSettled(mirrors, task);
        const due = choosePrunable({ ...task, settledAt }, before);
        if (!(due.attempts && task.hasSnapshots) && due.snapshots.length === 0) continue;
        const why = `the snapshots of its repository took ${Math.round(bytes / megabyte)} MB (snapshots_mb)`;
        await pruneOne(deps, task, { ...due, records: false, worktrees: [] }, why);
        shrunk.add(gitDir);
        bytes = await measureSnapshots(mirror, signal);
      }
      if (isOver())
        log.warn(
          { mirror: gitDir, bytes },
          "snapshots take more than snapshots_mb; all of them are of tasks that nobody accepted or discarded",
        );
    } catch (error) {
      if (!signal.aborted)
        log.error({ err: error, mirror: gitDir }, "could not limit the snapshots of a mirror");
    }
  }
}

const megabyte = 1024 * 1024;
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
  { config, db, log, mirrors }: PruneDeps,
  task: OldTask,
  due: Due,
  why: string,
): Promise<void> {
  for (const worktree of due.worktrees) {
    await tidyWorktree(db, mirrors, worktree);
    log.info({ task: task.id, worktree, why }, "removed a worktree, after a snapshot");
  }
  const { endedAt, id } = task;
  const isNothing = !due.records && !due.attempts && due.snapshots.length === 0;
  if (endedAt === null || isNothing) return;
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
  const attempts = await listAttempts(db, { taskId: task.id });
  const ids = attempts.map(({ id }) => id);
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
  const ofAttempts = () => [
    ...ids.flatMap((id) => [
      ...[`attempts/${id}`, `before/${id}`, `checkpoints/${id}`],
      ...[submoduleRefOf(id), submoduleBeforeRef(id)],
    ]),
    ...[...new Set(attempts.map(({ subtaskId }) => subtaskId))].flatMap((id) => [
      ...[`setups/${id}`, `without/${id}`, submoduleSetupRef(id)],
    ]),
  ];
  const refs = [
    ...(due.attempts ? ofAttempts() : []),
    ...(due.records ? [`checkpoints/${task.id}`] : []),
    ...due.snapshots.flatMap((id) => [`worktrees/${id}`, submoduleWorktreeRef(id)]),
  ];
  const snapshots = task.mirror === null ? 0 : await deleteRefs(mirrors.at(task.mirror), refs);
  return { logs: removedLogs, snapshots };
}
