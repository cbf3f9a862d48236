import type { Ask } from "../../core/attention/ask.ts";
import { type ReplyCounts, type TakePressDeps, takePress } from "./take-press.ts";

/**
 * One message of the reply topic. What no button of ours sent is dropped and counted, without a word
 * to anybody: whoever knows the topic may write there. A capability that we signed is an answer; it
 * is given once, and the push that it came from is told what is true now, at most thirty times a
 * minute.
 */
export type ReplyDeps = TakePressDeps & {
  /** Replaces the push of the event. */
  tell: (card: string, text: { title: string; body: string }) => Promise<void>;
};

const mostTold = 30;
const minuteMs = 60_000;

/** The reader of one topic. Its result: whether the message was an answer of ours. */
export function makeTakeReply(deps: ReplyDeps, counts: ReplyCounts) {
  const now = deps.now ?? Date.now;
  const told: number[] = [];
  return async (id: string, text: string): Promise<boolean> => {
    const taken = await takePress(deps, counts, id, text);
    if (taken === null) return false;
    const { ask, body, isAnswered, title } = taken;
    while (told[0] !== undefined && told[0] <= now() - minuteMs) told.shift();
    if (told.length >= mostTold) return true;
    told.push(now());
    // A refusal stands beside, because a newer question may be there.
    await deps.tell(isAnswered ? cardOfAsk(ask) : ask.eventId, { title, body });
    return true;
  };
}

/** As its push was shown. */
function cardOfAsk({ eventId, questionId, taskId }: Ask): string {
  return questionId ?? (taskId || eventId);
}
