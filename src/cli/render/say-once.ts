import type { EventView } from "../api.ts";
import { oneLine } from "./text.ts";

/**
 * A give-up is three events with one reason: it was decided, its subtask failed, and the task with
 * it. Each event stands alone, because a phone or a program may hear no other; a person who reads
 * them in a row is told the reason once.
 */
export type SayOnce = {
  /** The event, without the reasons that the events before it gave. */
  shorten: (event: EventView) => EventView;
  /** Whether the last event told all of this. */
  isSaid: (text: string) => boolean;
};

export function makeSayOnce(): SayOnce {
  let reasons: string[] = [];
  let last = "";
  return {
    shorten: (event) => {
      last = event.message;
      // What fails again after a retry is told again.
      if (event.type === "task.retried") reasons = [];
      if (event.type === "recovery.decided" && event.data.action === "give_up")
        reasons.push(event.message.replace(/^Recovery: /, ""));
      if (event.type !== "subtask.failed" && event.type !== "task.failed") return event;
      const message = reasons.reduce((text, reason) => text.replace(`: ${reason}`, ""), last);
      return { ...event, message };
    },
    isSaid: (text) => oneLine(last).includes(oneLine(text)),
  };
}
