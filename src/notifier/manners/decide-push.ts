import type { Manners } from "../../core/settings/notify-settings.ts";
import { findQuietWindow } from "./quiet-hours.ts";

/**
 * What happens with a push that is due. Pure, and decided each time it is due, by the state as it is then:
 * so a restart, a changed setting or a clock that was set needs no care of its own.
 */
export type DuePush = {
  channel: string;
  /** Empty: it is about Deputy itself, or a digest. */
  taskId: string;
  priority: number;
  /** A question that rings a second time. */
  isAgain: boolean;
  /** The beginning of the quiet hours in which it was held; null: it was not. */
  heldFrom: Date | null;
  /** A later push of the same task says what this one does not know. */
  isReplaced: boolean;
  /** It is late, and what it tells was answered, accepted or undone meanwhile. */
  isSettled: boolean;
  snoozedUntil: Date | null;
  /** When the channel last took a push of the task. */
  lastSentAt: Date | null;
};

export type PushDecision =
  | { do: "send" }
  /** It is never sent. */
  | { do: "drop"; why: string }
  | { do: "wait"; until: Date }
  /** Until the quiet hours are over; then one digest stands for all of them. */
  | { do: "hold"; from: Date; until: Date }
  | { do: "digest" };

/** From here on a push ends a task or asks for somebody: nothing comes after it that it could wait for. */
const lastWordPriority = 3;

export function decidePush(push: DuePush, manners: Manners, now: Date): PushDecision {
  // A webhook is for programs, and what Deputy itself suffers from waits for nobody.
  if (push.channel === "webhook" || push.taskId === "") return { do: "send" };
  if (push.isReplaced) return { do: "drop", why: "a later push of the task says more" };
  if (push.isSettled) return { do: "drop", why: "it was settled before it was sent" };
  const { coalesceMs, escalate, quiet } = manners;
  // What is said by then the person gets first, and has the same time for it.
  const againMs = push.isAgain ? (escalate?.afterMs ?? 0) : 0;
  if (push.snoozedUntil !== null) return { do: "wait", until: after(push.snoozedUntil, againMs) };
  const window = findQuietWindow(quiet, now);
  if (window !== null && push.priority < (quiet?.breakThrough ?? 0)) {
    if (!push.isAgain) return { do: "hold", from: window.from, until: window.to };
    return { do: "wait", until: after(window.to, againMs) };
  }
  if (push.heldFrom !== null) return { do: "digest" };
  if (push.lastSentAt !== null && push.priority < lastWordPriority) {
    const sinceMs = now.getTime() - push.lastSentAt.getTime();
    // A clock that was set back makes nothing wait for longer.
    const leftMs = Math.min(coalesceMs, coalesceMs - sinceMs);
    if (leftMs > 0) return { do: "wait", until: after(now, leftMs) };
  }
  return { do: "send" };
}

function after(at: Date, ms: number): Date {
  return new Date(at.getTime() + ms);
}
