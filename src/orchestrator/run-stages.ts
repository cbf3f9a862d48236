import type { Claim, Outcome, Stage, StageName } from "../core/outcome.ts";
import { type AdvanceDeps, advance } from "./advance.ts";
import { claimWork } from "./claim.ts";

/**
 * Runs stages in this process. A ring of the bell (`ring`) makes the stage claim what is ready, up
 * to its free slots; each claim runs beside the others, and its outcome goes to `advance`, which
 * frees the slot and rings again. There is no other state here: whoever dies in the middle leaves a
 * lease in the database, and the reconciler frees it.
 */
export type StageRunner = {
  ring(stage: StageName): void;
  ringAll(): void;
  /** Abort the claims of a task, because a person cancelled it. */
  cancelTask(taskId: string): void;
  /** Claims in hand, for metrics and the readiness probe. */
  running(): Claim[];
  /** No new claims; what runs is parked within `graceMs`. True when all of it was. */
  stop(graceMs: number): Promise<boolean>;
};

/** Why a claim's signal was aborted; stages read it from `signal.reason`. */
export type AbortCause = "cancelled" | "shutdown";

export type StageRunnerOptions = AdvanceDeps & {
  bootId: string;
  stages: Partial<Record<StageName, { run: Stage; slots: number }>>;
  log: (level: "info" | "warn" | "error", fields: object, message: string) => void;
};

export function startStageRunner(options: StageRunnerOptions): StageRunner {
  const { db, bootId, stages, log } = options;
  const inHand = new Map<Claim, { controller: AbortController; done: Promise<void> }>();
  const claiming = new Map<StageName, { again: boolean }>();
  let stopping = false;

  const ring = (stage: StageName): void => {
    if (!stages[stage] || stopping) return;
    const busy = claiming.get(stage);
    if (busy) {
      busy.again = true;
      return;
    }
    const state = { again: false };
    claiming.set(stage, state);
    void claimAll(stage, state).finally(() => claiming.delete(stage));
  };

  const claimAll = async (stage: StageName, state: { again: boolean }): Promise<void> => {
    const { run, slots } = stages[stage] ?? { run: null, slots: 0 };
    if (!run) return;
    do {
      state.again = false;
      const used = [...inHand.keys()].filter((claim) => claim.stage === stage).length;
      if (used >= slots) return;
      try {
        const claims = await claimWork(db, bootId, stage, slots - used);
        for (const claim of claims) start(claim, run);
        // Another process may have been faster on some of them: look once more while any came.
        if (claims.length > 0) state.again = true;
      } catch (error) {
        log("error", { stage, err: error }, "claim failed; the next bell tries again");
        return;
      }
    } while (state.again && !stopping);
  };

  const start = (claim: Claim, run: Stage): void => {
    const controller = new AbortController();
    const done = work(claim, run, controller).finally(() => {
      inHand.delete(claim);
      ring(claim.stage);
    });
    inHand.set(claim, { controller, done });
  };

  const work = async (claim: Claim, run: Stage, controller: AbortController): Promise<void> => {
    if (stopping) controller.abort("shutdown" satisfies AbortCause);
    let outcome: Outcome;
    try {
      outcome = await run(claim, controller.signal);
    } catch (error) {
      // A stage answers what it can foresee with an outcome; what it throws is infrastructure or a bug.
      const cause = controller.signal.reason as AbortCause | undefined;
      if (cause) {
        const detail = cause === "shutdown" ? "the process is shutting down" : "cancelled";
        outcome = { kind: "parked", detail, snapshotRef: null };
      } else {
        log("error", { ...claim, err: error }, "stage failed");
        outcome = {
          kind: "broken",
          detail: error instanceof Error ? error.message : String(error),
        };
      }
    }
    for (let tries = 1; ; tries++) {
      try {
        const applied = await advance(options, bootId, claim, outcome);
        if (applied === "stale")
          log(
            "warn",
            { ...claim, outcome: outcome.kind },
            "outcome refused: the claim is no longer ours",
          );
        return;
      } catch (error) {
        log("error", { ...claim, outcome: outcome.kind, err: error }, "advance failed");
        // The lease stays; when the database stays away, the reconciler frees it after us.
        if (tries >= 5) return;
        await new Promise((resolve) => setTimeout(resolve, 500 * tries));
      }
    }
  };

  return {
    ring,
    ringAll: () => {
      for (const stage of Object.keys(stages) as StageName[]) ring(stage);
    },
    cancelTask: (taskId) => {
      for (const [claim, { controller }] of inHand) {
        if (claim.taskId === taskId) controller.abort("cancelled" satisfies AbortCause);
      }
    },
    running: () => [...inHand.keys()],
    stop: async (graceMs) => {
      stopping = true;
      for (const { controller } of inHand.values())
        controller.abort("shutdown" satisfies AbortCause);
      let timer: NodeJS.Timeout | undefined;
      const finished = await Promise.race([
        Promise.all([...inHand.values()].map(({ done }) => done)).then(() => true),
        new Promise<boolean>((resolve) => {
          timer = setTimeout(() => resolve(false), graceMs);
        }),
      ]);
      clearTimeout(timer);
      return finished;
    },
  };
}
