/** Something that a command tried and was refused: evidence for the receipt, of all that ran in an attempt. */
export type Refused = {
  /** Whose command it was; left out in rows of earlier versions: the agent's. */
  by?: "agent" | "setup" | "check";
  what: string;
  detail: string;
  /** `enforced` is certain; `reported` was read from the program's own output, which can lie. */
  known: "enforced" | "reported";
};

/** How an attempt's commands were kept from the machine, and what they tried in vain. */
export type AttemptConfinement = {
  provider: string;
  /** Why there was none, or what it cannot do; null: all is well. */
  problem: string | null;
  denials: Refused[];
};

const maxPerRole = 50;

/** Each once, in the order they came, and of agent, setup and checks so many each. Pure. */
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
