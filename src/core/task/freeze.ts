import type { StageName } from "./outcome.ts";

/**
 * A freeze stops all spending at once: while there is one, no stage starts but `recover`, which
 * reads rows and decides. It is a row, so it survives restarts and holds for every process.
 */
export type Freeze = {
  cause: FreezeCause;
  /** In words; null: the person who froze it gave none. Of a crash loop: what was counted. */
  reason: string | null;
  since: Date;
};

export const freezeCauses = ["person", "crash_loop"] as const;
export type FreezeCause = (typeof freezeCauses)[number];

/** Whether a freeze keeps the stage from starting. */
export function isFrozenStage(stage: StageName): boolean {
  return stage !== "recover";
}

/** The clause that every place says: since when, and why. */
export function describeFreeze({ reason, since }: Pick<Freeze, "reason" | "since">): string {
  return `Deputy is frozen since ${since.toISOString()}: ${reason ?? "a person froze it"}`;
}

/** The same as a sentence, with what ends it. */
export function adviseThaw(freeze: Pick<Freeze, "reason" | "since">): string {
  return `${describeFreeze(freeze)}; nothing starts until: deputy thaw`;
}
