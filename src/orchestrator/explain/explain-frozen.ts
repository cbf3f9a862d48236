import { describeFreeze, type Freeze } from "../../core/task/freeze.ts";
import { type Hold, slot } from "../../core/task/hold.ts";
import type { Explanation } from "./explain.ts";

/**
 * What a freeze adds to the answer of `why`. A row that could start now waits for the thaw; one
 * that waits for something else says that the freeze comes on top.
 */
export function explainFrozen(own: Explanation, hold: Hold | null, freeze: Freeze): Explanation {
  const unblock = "deputy thaw";
  switch (hold?.kind) {
    case "lease": {
      const isParked = parkedStates.has(own.state);
      const next = isParked ? "it is parked, and continues" : "it ends, and what follows starts";
      return { ...own, next: `${next} once Deputy is thawed; ${describeFreeze(freeze)}`, unblock };
    }
    case "question":
      return { ...own, next: `${own.next} and Deputy is thawed; ${describeFreeze(freeze)}` };
    case "wake":
    case "dependency": {
      if (own.state === "recovering") return own;
      const isFree =
        hold.kind === "wake" ? hold.at <= new Date() : hold.on[0]?.startsWith(slot(""));
      if (!isFree)
        return {
          ...own,
          waitingFor: `${own.waitingFor}; ${describeFreeze(freeze)}`,
          next: `${own.next}, and Deputy is thawed`,
          unblock,
        };
      return {
        ...own,
        waitingFor: `a thaw: ${describeFreeze(freeze)}`,
        next: "it continues where it stopped once Deputy is thawed",
        nextAt: null,
        unblock,
      };
    }
    case undefined:
      return own;
  }
}

/** Work that a freeze parks, in the words of the states; a merge and a delivery end by themselves. */
const parkedStates: ReadonlySet<string> = new Set(["planning", "running", "verifying"]);
