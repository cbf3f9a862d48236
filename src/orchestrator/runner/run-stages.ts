import { DeputyError } from "../../core/base/error.ts";
import type { AbortCause } from "../../core/task/abort-cause.ts";
import type { Claim, Outcome, Stage, StageName } from "../../core/task/outcome.ts";
import type { Garbled } from "../../core/task/task-detail.ts";
import { GarbledRow } from "../../store/database/garbled.ts";
import type { Db } from "../../store/database/schema.ts";
import { isAnswering } from "../../store/tasks/tasks.ts";
import { notifyReady } from "../../store/tasks/transition.ts";
import { type AdvanceDeps, advance } from "../transitions/advance.ts";
import { claimWork } from "./claim.ts";
import { excuseFullVolume, findFullVolume, type Space } from "./excuse-full-volume.ts";
import { faultPoint } from "./fault-point.ts";
import { isProgress } from "./is-progress.ts";
import { findLackOfSpace, holdForSpace } from "./wait-for-space.ts";

/**
 * Runs stages in this process. `wake` makes a stage claim what is ready, up to its free slots; each
 * claim runs concurrently, and its outcome goes to `advance`, which frees the slot and makes ready what
 * follows. A stage is woken by
 *
 *   - the notification of a transition that made work ready, in this process or another,
 *   - a job from the queue, for an execution,
 *   - a claim that ends while more work may be ready than there were slots,
 *   - the reconciler's clock, which makes up for lost notifications and jobs.
 *
 * There is no other state here: a process that dies leaves leases in the database, and the reconciler
 * frees them. The heartbeat renews only the leases of claims in hand, so whatever goes wrong with a
 * claim, its lease expires and is found.
 */
export type StageRunner = {
  /**
   * Claim what is ready for a stage; does nothing while its slots are taken. A queue delivers each job
   * to one process only: with `fromQueue` and no free slot the other processes are notified.
   */
  wake(stage: StageName, options?: { fromQueue: boolean }): void;
  wakeAll(): void;
  /** Abort the claims of a task, because a person cancelled it. */
  cancelTask(taskId: string): void;
  /** Park what agents and checks do for a task, because a person paused it; a merge or a publication ends by itself. */
  pauseTask(taskId: string): void;
  /** The same for all tasks, because Deputy is frozen: what is being claimed at this moment, too. */
  freeze(): void;
  /** Abort a claim that is somebody else's by now: what it reports will be refused. */
  abandon(claim: Claim): void;
  /** Claims in hand, for the heartbeat, metrics and the readiness probe. */
  running(): Claim[];
  /** No new claims; what runs is parked within `graceMs`. True when all of it was. */
  stop(graceMs: number): Promise<boolean>;
};

export type StageRunnerOptions = AdvanceDeps & {
  db: Db;
  space: Space;
  /** Told of each row that could not be read, as often as that happens. */
  onGarbled?: (garbled: Garbled) => void;
  /** A stage got something done, and that is recorded. */
  onProgress?: () => Promise<void>;
  /** Whether tasks arrive in a rush. */
  isRush?: () => boolean;
  processId: string;
  stages: Partial<Record<StageName, StageRow>>;
  log: (level: "info" | "warn" | "error", fields: object, message: string) => void;
};

export type StageRow = {
  run: Stage;
  /** How many at once. */
  slots: number;
  /** None starts while tasks arrive in a rush: answering requests comes first. */
  waitsInRush?: boolean;
};

/** An outcome that the database answers to, but does not take, is tried this often. */
const maxRefusals = 3;
const maxAdvanceWaitMs = 5_000;
const notifyEveryMs = 200;
const rushMs = 100;

/**
 * Planners and reviewers spend as coders do. A delivery runs checks first, and heeds no signal once it
 * publishes. The others are short, and change what is shared.
 */
const pausedStages: ReadonlySet<StageName> = new Set(["plan", "execute", "verify", "deliver"]);

const causeInWords: Record<AbortCause, string> = {
  cancelled: "cancelled",
  paused: "paused by a person",
  frozen: "Deputy was frozen",
  shutdown: "the process is shutting down",
  lost: "the claim was taken over",
};

export function startStageRunner(options: StageRunnerOptions): StageRunner {
  const { db, processId, space, stages, log, onGarbled = () => {}, isRush = () => false } = options;
  const inHand = new Map<Claim, { controller: AbortController; done: Promise<void> }>();
  const claiming = new Map<
    StageName,
    { again: boolean; fromQueue: boolean; done: Promise<void> }
  >();
  /** Stages that claimed as much as they had slots: more may be ready. */
  const saturated = new Set<StageName>();
  const notifying = new Map<StageName, "notified" | "again">();
  const lookingAfterRush = new Set<StageName>();
  /** How often this process was told of a freeze. */
  let freezes = 0;
  let stopping = false;
  let released = false;

  const wake: StageRunner["wake"] = (stage, { fromQueue } = { fromQueue: false }): void => {
    const row = stages[stage];
    if (!row || stopping) return;
    const busy = claiming.get(stage);
    if (busy) {
      busy.again = true;
      busy.fromQueue ||= fromQueue;
      return;
    }
    const done = claimAll(stage, row).finally(() => {
      const state = claiming.get(stage);
      claiming.delete(stage);
      const isMore = saturated.has(stage) && freeSlots(stage) > 0;
      if (state?.again || isMore) return wake(stage, state);
      if (state?.fromQueue && freeSlots(stage) <= 0) notifyOthers(stage);
    });
    claiming.set(stage, { again: false, fromQueue, done });
  };

  const freeSlots = (stage: StageName): number => {
    const taken = [...inHand.keys()].filter((claim) => claim.stage === stage).length;
    const { slots = 0, waitsInRush = false } = stages[stage] ?? {};
    return (waitsInRush && isRush() ? 0 : slots) - taken;
  };

  // One notification for many jobs: a process that receives it claims all that is ready.
  const notifyOthers = (stage: StageName): void => {
    const isNew = !notifying.has(stage);
    notifying.set(stage, isNew ? "notified" : "again");
    if (!isNew) return;
    notifyReady(db, stage);
    setTimeout(() => {
      const again = notifying.get(stage) === "again";
      notifying.delete(stage);
      if (again && !stopping && freeSlots(stage) <= 0) notifyOthers(stage);
    }, notifyEveryMs).unref();
  };

  const lookAfterRush = (stage: StageName): void => {
    if (lookingAfterRush.has(stage)) return;
    lookingAfterRush.add(stage);
    setTimeout(() => {
      lookingAfterRush.delete(stage);
      wake(stage);
    }, rushMs).unref();
  };

  const claimAll = async (stage: StageName, row: StageRow): Promise<void> => {
    const { run } = row;
    if (row.waitsInRush && isRush()) return lookAfterRush(stage);
    const lacking = findLackOfSpace(stage, space);
    if (lacking !== null) {
      // Where not even that can be written, they stay as they are until the next wake.
      await holdForSpace(db, stage, lacking).catch(() => space.look());
      return;
    }
    let room = freeSlots(stage);
    // What is found before a freeze may be claimed after it was announced; later nothing is found.
    const before = freezes;
    saturated.add(stage); // until it turns out that there was no more
    try {
      for await (const claim of claimWork(db, processId, stage, room, () => !stopping, onGarbled)) {
        room--;
        faultPoint(stage, "claimed");
        start(claim, run);
        if (freezes > before) freezeClaim(claim);
      }
      if (room > 0) saturated.delete(stage);
    } catch (error) {
      saturated.delete(stage); // no hurry: the next wake tries again
      if ((await space.explain(error)) === null)
        log("error", { stage, err: error }, "claim failed; the next wake tries again");
    }
  };

  const freezeClaim = (claim: Claim): void => {
    if (!pausedStages.has(claim.stage)) return;
    inHand.get(claim)?.controller.abort("frozen" satisfies AbortCause);
  };

  const start = (claim: Claim, run: Stage): void => {
    const controller = new AbortController();
    const done = work(claim, run, controller).finally(() => {
      inHand.delete(claim);
      if (saturated.has(claim.stage)) wake(claim.stage);
    });
    inHand.set(claim, { controller, done });
  };

  const work = async (claim: Claim, run: Stage, controller: AbortController): Promise<void> => {
    const ended = stopping
      ? parked("shutdown")
      : await runStage(run, claim, controller.signal).catch(async (error): Promise<Outcome> => {
          // A stage answers what it can foresee with an outcome; what it throws is infrastructure or a bug.
          const cause = controller.signal.reason as AbortCause | undefined;
          if (cause) return parked(cause);
          if (error instanceof GarbledRow) {
            onGarbled(error.garbled);
            return { kind: "unreadable", detail: error.message };
          }
          const full = await findFullVolume(error, space);
          if (full !== null) return { kind: "no_space", detail: full };
          log("error", { ...claim, err: error }, "stage failed");
          return broken(error);
        });
    const outcome = await excuseFullVolume(ended, space);
    faultPoint(claim.stage, "reported");
    if (await record(claim, outcome)) return faultPoint(claim.stage, "advanced");
    // It is not in hand any more: its lease runs out, and the checker gives it back as lost.
    log(
      "error",
      { ...claim, outcome: outcome.kind },
      "outcome could not be recorded; giving it up",
    );
  };

  /** True when the outcome was applied, or refused because the claim is not ours any more. */
  const record = async (claim: Claim, outcome: Outcome): Promise<boolean> => {
    let refusals = 0;
    let trying = outcome;
    for (let waitMs = 250; ; waitMs = Math.min(maxAdvanceWaitMs, waitMs * 2)) {
      try {
        if ((await advance(options, processId, claim, trying)) === "applied") {
          if (isProgress(trying)) await options.onProgress?.();
          return true;
        }
        log("warn", { ...claim, outcome: trying.kind }, "outcome refused: the claim is not ours");
        return true;
      } catch (error) {
        const isGarbled = error instanceof GarbledRow;
        if (isGarbled) onGarbled(error.garbled);
        const full = await space.explain(error);
        if (full === null && !isGarbled)
          log("error", { ...claim, outcome: trying.kind, err: error }, "advance failed");
        // While the database is away, or has no space to write, or a row is garbled, there is nothing
        // to do but wait: the work is done and kept.
        const answers = full === null && !isGarbled && (await isAnswering(db));
        if (answers) refusals++;
        if (answers && refusals === maxRefusals) trying = broken(error);
        if (refusals >= 2 * maxRefusals || released) return false;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  };

  return {
    wake,
    wakeAll: () => {
      for (const stage of Object.keys(stages) as StageName[]) wake(stage);
    },
    cancelTask: (taskId) => {
      for (const [claim, { controller }] of inHand) {
        if (claim.taskId === taskId) controller.abort("cancelled" satisfies AbortCause);
      }
    },
    pauseTask: (taskId) => {
      for (const [claim, { controller }] of inHand) {
        if (claim.taskId === taskId && pausedStages.has(claim.stage))
          controller.abort("paused" satisfies AbortCause);
      }
    },
    freeze: () => {
      freezes++;
      for (const claim of inHand.keys()) freezeClaim(claim);
    },
    abandon: (claim) => inHand.get(claim)?.controller.abort("lost" satisfies AbortCause),
    running: () => [...inHand.keys()],
    stop: async (graceMs) => {
      stopping = true;
      for (const { controller } of inHand.values())
        controller.abort("shutdown" satisfies AbortCause);
      const allDone = async () => {
        // What is being claimed at this moment is parked like the rest.
        await Promise.all([...claiming.values()].map(({ done }) => done));
        await Promise.all([...inHand.values()].map(({ done }) => done));
        return true;
      };
      let timer: NodeJS.Timeout | undefined;
      const finished = await Promise.race([
        allDone(),
        new Promise<boolean>((resolve) => {
          timer = setTimeout(() => resolve(false), graceMs);
        }),
      ]);
      clearTimeout(timer);
      released = true;
      return finished;
    },
  };
}

/** A stage that throws before its first await is no different from one that throws later. */
async function runStage(run: Stage, ...about: Parameters<Stage>): Promise<Outcome> {
  return run(...about);
}

function parked(cause: AbortCause): Outcome {
  return { kind: "parked", detail: causeInWords[cause], snapshotRef: null };
}

function broken(error: unknown): Outcome {
  const detail = error instanceof Error ? error.message : String(error);
  const isOutage = error instanceof DeputyError && error.code === "unavailable";
  return { kind: "broken", detail, ...(isOutage && { isOutage }) };
}
