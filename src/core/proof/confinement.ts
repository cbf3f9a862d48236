/** Something a command tried and was refused: evidence for the receipt. */
export type Refused = {
  /** Whose command it was; absent in rows of earlier versions: the agent's. */
  by?: "agent" | "setup" | "check";
  what: string;
  detail: string;
  /**
   * `enforced` is certain; `reported` was read from the program's own output, which can be wrong.
   */
  known: "enforced" | "reported";
};

/** How an attempt's commands were confined, and what they were refused. */
export type AttemptConfinement = {
  provider: string;
  /** Why there was no confinement, or what it cannot do; null: no problem. */
  problem: string | null;
  denials: Refused[];
};

const maxPerRole = 50;

/**
 * Deduplicates in order of arrival, keeping at most `maxPerRole` each of agent, setup and checks.
 * Pure.
 */
export function mergeRefused(refused: readonly Refused[]): Refused[] {
  const found = new Map<string, Refused>();
  const counts = new Map<string, number>();
  for (const each of refused) {
    const by = each.by ?? "agent";
    const key = `${by} ${each.what} ${each.detail}`;
    const count = counts.get(by) ?? 0;
    if (found.has(key) || count === maxPerRole) continue;
    counts.set(by, count + 1);
    found.set(key, { ...each, by });
  }
  return [...found.values()];
}
