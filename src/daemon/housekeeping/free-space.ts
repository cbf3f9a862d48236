import type { Config } from "../../config/config.ts";
import { inMb, roomAgainAt } from "../../core/base/floor.ts";
import { findSpaceProblem } from "../../core/base/space.ts";
import { type Freed, freeWorktrees } from "../../delivery/free-worktrees.ts";
import { recordFreed } from "../../orchestrator/commands/record-freed.ts";
import { removeTree } from "../../sandbox/files/remove-tree.ts";
import type { Db } from "../../store/database/schema.ts";
import { listAside } from "../../worktree/checkout/set-aside.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";
import type { PreparedTrees } from "../../worktree/prepared/prepared-trees.ts";
import type { Log } from "../home/log.ts";
import { measureVolume } from "./probe-volume.ts";
import type { SpaceWatch } from "./watch-space.ts";

/**
 * Cleans up before it lets work wait, while the volume of the worktrees is below its floor and until
 * everything may start again: it removes prepared trees, which setup can make again; then it frees the
 * worktrees of finished tasks (free-worktrees.ts); at last it removes what was set aside out of them.
 * Each removal is a log line, and those of worktrees are events of their tasks. Without a floor nothing
 * is removed.
 */
export type FreeSpaceDeps = {
  config: Config;
  db: Db;
  log: Log;
  mirrors: Mirrors;
  prepared: PreparedTrees | undefined;
  space: Pick<SpaceWatch, "isScarce" | "look">;
};

/** Returns one round, which does nothing while there is room; a second call joins it. */
export function makeFreeSpace({ config, db, log, mirrors, prepared, space }: FreeSpaceDeps) {
  const { minFreeMb, paths } = config;
  const hasRoom = () => {
    const room = measureVolume(paths.worktrees);
    return room === null || room.freeBytes >= roomAgainAt(room, minFreeMb);
  };
  const round = async (stopping: AbortSignal): Promise<void> => {
    if (!space.isScarce(paths.worktrees)) return;
    let failed = 0;
    let freed = 0;
    for (const { bytes, id } of (await prepared?.list())?.toReversed() ?? []) {
      if (stopping.aborted || hasRoom()) break;
      await prepared?.drop(id);
      freed++;
      log.info({ bytes }, "removed what setup made, because little space was left");
    }
    await freeWorktrees(db, mirrors, {
      ...{ hasRoom, stopping },
      onFreed: async (one) => {
        freed++;
        const message = describeFreed(one);
        const { bytes, files, id, keptFor, path, taskId, what } = one;
        log.info({ task: taskId, worktree: id, path, what, files, bytes, keptFor }, message);
        const data = { worktree: id, path, what, files, bytes, kept_for: keptFor };
        await recordFreed(db, one, message, data);
      },
      onError: (error) => {
        // A volume that is quite full takes no snapshot; one line for all of them.
        if (failed++ === 0 && !stopping.aborted && findSpaceProblem(error) === null)
          log.error({ err: error }, "could not free a worktree; it is tried again");
      },
    });
    for (const path of await listAside(paths.worktrees)) {
      if (stopping.aborted || hasRoom()) break;
      await removeTree(path);
      freed++;
      log.info(
        { path },
        "removed what was set aside out of a worktree, because little space was left",
      );
    }
    if (freed > 0) await space.look();
  };
  let running: Promise<void> | null = null;
  return (stopping: AbortSignal): Promise<void> => {
    running ??= round(stopping).finally(() => {
      running = null;
    });
    return running;
  };
}

function describeFreed({ bytes, files, keptFor, path, taskId, what }: Freed): string {
  const last =
    keptFor === null
      ? ""
      : ` It was left until last for ${JSON.stringify(keptFor)}, which was younger than a day and no cache by its name.`;
  const removed =
    what === "worktree"
      ? `Removed the worktree ${path} after a snapshot, because little space was left; deputy restore ${taskId} brings it back.`
      : `Removed ${files} ignored files (${inMb(bytes)} MB) of the worktree ${path}, because little space was left.`;
  return removed + last;
}
