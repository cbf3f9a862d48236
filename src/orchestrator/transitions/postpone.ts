import type { Hold } from "../../core/task/hold.ts";
import type { Outcome, StageName } from "../../core/task/outcome.ts";
import { providerWaitMs } from "../../core/task/provider-wait.ts";

/**
 * A provider limit parks the stage: its slot is free, a wake is set for the time that the provider
 * names, and nothing counts as a failure or an attempt.
 */
type Postponed = Extract<Outcome, { kind: "postponed" }>;

export function postpone(
  stage: StageName,
  { detail, retryAt }: Postponed,
  times: number,
): { at: Date; hold: Hold } {
  const now = new Date();
  const waitMs = providerWaitMs(retryAt, times, { now, chance: Math.random() });
  const at = new Date(now.getTime() + waitMs);
  const until = retryAt ? ` after ${retryAt.toISOString()}` : "";
  const reason = `${stage} again${until}, not counted (${detail.slice(0, 300)})`;
  return { at, hold: { kind: "wake", at, reason } };
}

/** The event for a postponed stage. */
export function postponedEvent(stage: StageName, { agent, detail, retryAt }: Postponed, at: Date) {
  const limit = agent && { agent, detail, resets_at: retryAt?.toISOString() ?? null };
  return {
    type: "stage.parked",
    message: `Parked until ${at.toISOString()}: ${detail}`,
    data: { stage, until: at.toISOString(), ...limit },
  } as const;
}
