import type { Outcome } from "../../core/task/outcome.ts";

/**
 * Whether a stage got something done, whatever it was. Not what only gave its claim back, and not
 * recovery: it decides anew after each crash, so a daemon that crashes for ever does that, too.
 */
export function isProgress({ kind }: Outcome): boolean {
  switch (kind) {
    case "parked":
    case "lost":
    case "postponed":
    case "no_space":
    case "work_lost":
    case "unreadable":
    case "broken":
    case "decided":
      return false;
    default:
      return true;
  }
}
