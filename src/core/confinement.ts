/** How an attempt's commands were kept from the machine, and what they tried in vain: evidence for the receipt. */
export type AttemptConfinement = {
  provider: string;
  /** Why there was none, or what it cannot do; null: all is well. */
  problem: string | null;
  /** `enforced` is certain; `reported` was read from the program's own output, which can lie. */
  denials: { what: string; detail: string; known: "enforced" | "reported" }[];
};
