/** Why a claim's signal was aborted; stages read it from `signal.reason`. */
export type AbortCause = "cancelled" | "paused" | "frozen" | "shutdown" | "lost";

/** The causes after which the work continues later, in words. */
const parked: Partial<Record<AbortCause, string>> = {
  paused: "paused by a person",
  frozen: "Deputy was frozen",
  shutdown: "the daemon was stopped",
};

/** Why the work is parked, in words; null: it is not, or is not to be continued. */
export function whyParked(signal: AbortSignal): string | null {
  return signal.aborted ? (parked[signal.reason as AbortCause] ?? null) : null;
}
