import type { Config } from "../../config/config.ts";
import type { FindForge } from "../../delivery/forges/pull-forge.ts";
import { tidyOldWorktrees } from "../../delivery/tidy-worktrees.ts";
import { releaseExpiredLease, repairHold } from "../../orchestrator/runner/repair.ts";
import type { StageRunner } from "../../orchestrator/runner/run-stages.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import { type LostClaim, takeBackLease } from "../../recovery/reconcile.ts";
import { GarbledRow } from "../../store/database/garbled.ts";
import type { Db } from "../../store/database/schema.ts";
import { findFreeze } from "../../store/records/freezes.ts";
import { findUnsoundHolds } from "../../store/tasks/unsound-holds.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";
import type { AuthHeader } from "../../worktree/mirror/transport.ts";
import type { Bus } from "../bus.ts";
import { type Log, logErrors } from "../home/log.ts";
import type { OwnProcess } from "../own-process.ts";
import { startPeriodic } from "../periodic.ts";
import { noteAllDecided } from "../service/note-decided.ts";
import type { Services } from "../services.ts";
import type { Warmer } from "./keep-warm.ts";
import { packMirrors } from "./pack-mirrors.ts";
import { pruneOldTasks } from "./retention.ts";
import { tidyScratch } from "./tidy-scratch.ts";
import type { GarbledWatch } from "./watch-garbled.ts";
import type { SpaceWatch } from "./watch-space.ts";

/** What the daemon looks after by the clock, whatever notifications get lost. */
export type HousekeepingDeps = AdvanceDeps & {
  db: Db;
  config: Config;
  log: Log;
  mirrors: Mirrors;
  bus: Bus;
  runner: StageRunner;
  self: OwnProcess;
  space: SpaceWatch;
  garbled: GarbledWatch;
  /** Frees worktrees while their volume is below its floor. */
  freeSpace: (stopping: AbortSignal) => Promise<void>;
  findForge: FindForge;
  authHeader: AuthHeader;
  /** Null: nothing that setup makes is kept. */
  warmer: Warmer | null;
  /** Takes over what dead processes left; whether there were any. */
  reap: () => Promise<boolean>;
  /** Carries out what people decided of dead processes. */
  finishDecisions: () => Promise<void>;
};

const takeOverMs = 2_000;
const spaceMs = 5_000;
const freeMs = 60_000;
const tidyMs = 60_000;
const packMs = 60_000;
const tidyScratchMs = 60 * 60_000;
const lookMs = 15 * 60_000;
const pruneMs = 24 * 60 * 60_000;

/** Add a service for each job. Returns how many holds were repaired so far. */
export function startHousekeeping(services: Services, deps: HousekeepingDeps): () => number {
  const { bus, config, db, freeSpace, log, mirrors, reap, runner, space } = deps;
  let repairs = 0;
  const every = (everyMs: number, what: string, work: (stopping: AbortSignal) => Promise<void>) =>
    services.add(what, startPeriodic({ everyMs, what, work, log }));

  every(Math.min(takeOverMs, config.reconcileMs), "takeover", async () => {
    // What it made ready just before it died, it told nobody of.
    if (await reap()) runner.wakeAll();
  });
  every(takeOverMs, "finishing of decisions", deps.finishDecisions).run();
  // Makes up for jobs that were lost (a flushed Redis, dropped tables).
  every(config.reconcileMs, "reconcile", async () => runner.wakeAll());
  every(spaceMs, "look for space", async () => {
    await space.look();
  });
  const free = every(freeMs, "making of room", freeSpace);
  every(config.checkHoldsMs, "check of holds", async () => {
    repairs += await repairHolds(deps);
  });
  const onTidyError = logErrors(log, "could not remove a worktree; it stays");
  const tidy = every(tidyMs, "tidying of worktrees", (stopping) =>
    tidyOldWorktrees(db, mirrors, config.keepWorktrees, stopping, onTidyError),
  );
  const pack = every(packMs, "packing of mirrors", (stopping) =>
    packMirrors(mirrors, stopping, logErrors(log, "could not pack a mirror; trying again")),
  );
  bus.on("over", () => {
    if (space.isScarce(config.paths.worktrees)) free.run(); // what just ended may be freed
    // In a busy hour once a minute is enough: agents that run do not mind, other stages do.
    if (runner.running().filter(({ stage }) => stage !== "execute").length > 1) return;
    tidy.run();
    pack.run();
  });
  every(lookMs, "look at delivered work", (stopping) =>
    // Its repository may be away for long, which is nobody's trouble until it is worked on.
    noteAllDecided(db, deps, stopping, (err) => log.info({ err }, "delivered work was not seen")),
  ).run();
  const { warmer } = deps;
  if (warmer && config.warmMs !== null)
    every(config.warmMs, "preparing of repositories", () =>
      warmer.warmRecent(
        async () => {
          const full = space.problems().length + space.low().length > 0;
          return !full && runner.running().length === 0 && (await findFreeze(db)) === null;
        },
        // Its next task does that, and tells what does not work.
        (err) => log.info({ err }, "a repository was not prepared"),
      ),
    );
  every(tidyScratchMs, "tidying of scratch folders", () => tidyScratch(db, config)).run();
  every(pruneMs, "pruning", (stopping) => pruneOldTasks(deps, stopping)).run();
  return () => repairs;
}

/** Repair the holds that cannot end by themselves. Returns how many there were. */
async function repairHolds(deps: HousekeepingDeps): Promise<number> {
  const { db, garbled, log, self } = deps;
  const onError = logErrors(log, "could not repair an unsound hold; trying again");
  let repaired = 0;
  const found = await findUnsoundHolds(db);
  // After a machine slept every lease looks old. What is in hand is renewed between the two looks
  // (`takeBackLease` looks again), because the machine may fall asleep after any renewal.
  if (found.some(({ kind }) => kind === "lease")) await self.beat();
  for (const unsound of found) {
    const { taskId, subtaskId, kind } = unsound;
    try {
      if (kind !== "lease") await repairHold(deps, unsound);
      else {
        const release = (lost: LostClaim) => releaseExpiredLease(deps, lost, unsound);
        if (!(await takeBackLease(db, subtaskId ?? taskId, release))) continue;
      }
      repaired++;
      log.error(unsound, "unsound hold; repaired");
    } catch (error) {
      // One that cannot be repaired must not keep the others; the next round tries it again.
      if (error instanceof GarbledRow) garbled.note(error.garbled);
      else onError(error as Error);
    }
  }
  await garbled.look();
  return repaired;
}
