import type { EventView } from "../../api/event.ts";
import { oneLine } from "./text.ts";

/**
 * A give-up is three events with one reason: the decision, the failed subtask, and the failed task.
 * Each event is complete, because a phone or a program may receive no other; a person who reads
 * them in a row gets the reason once.
 */
export type SayOnce = {
  /** The event, without reasons that earlier events gave. */
  shorten: (event: EventView) => EventView;
  /** Whether the last event contained this text. */
  isSaid: (text: string) => boolean;
};

export function makeSayOnce(): SayOnce {
  let reasons: string[] = [];
  let last = "";
  return {
    shorten: (event) => {
      last = event.message;
      // After a retry a repeated reason is printed again.
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
