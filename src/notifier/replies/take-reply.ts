import { type Ask, type AskOption, buttonHours, describeExpiry } from "../../core/attention/ask.ts";
import { DeputyError } from "../../core/base/error.ts";
import { waitOut } from "../../store/database/outage.ts";
import type { Db } from "../../store/database/schema.ts";
import { findAsk } from "../../store/pushes/asks.ts";
import { cardOf } from "./ask-ntfy.ts";
import { readCapability } from "./capability.ts";

/**
 * One message of the reply topic. What no button of ours sent is dropped and counted, without a word
 * to anybody: whoever knows the topic may write there. A capability that we signed is an answer; it
 * is given once, and the push that it came from is told what is true now, at most thirty times a
 * minute.
 */
export type ReplyDeps = {
  db: Db;
  key: Buffer;
  /** Does what the option stands for. Throws a DeputyError that says what is true instead. */
  press: (ask: Ask, option: AskOption, messageId: string) => Promise<void>;
  /** Replaces the push of the event. */
  tell: (card: string, text: { title: string; body: string }) => Promise<void>;
  log: (level: "info" | "warn" | "error", fields: object, message: string) => void;
  signal: AbortSignal;
  now?: () => number;
};

export type ReplyCounts = { answered: number; refused: number; dropped: number };

const mostTold = 30;
const minuteMs = 60_000;

/** The reader of one topic. Its result: whether the message was an answer of ours. */
export function makeTakeReply(deps: ReplyDeps, counts: ReplyCounts) {
  const now = deps.now ?? Date.now;
  const told: number[] = [];

  /** `card`: what it replaces. A refusal stands beside, because a newer question may be there. */
  const tell = async (ask: Ask, title: string, body: string, card = ask.eventId) => {
    while (told[0] !== undefined && told[0] <= now() - minuteMs) told.shift();
    if (told.length >= mostTold) return;
    told.push(now());
    await deps.tell(card, { title, body });
  };

  const press = async (ask: Ask, option: AskOption, id: string) => {
    try {
      await waitOut(() => deps.press(ask, option, id), deps.signal);
    } catch (error) {
      // It may have been committed, its reply lost, and then been refused to itself.
      const now = await waitOut(() => findAsk(deps.db, ask.id), deps.signal);
      if (!(error instanceof DeputyError) || now?.usedMessage !== id) throw error;
    }
  };

  return async (id: string, text: string): Promise<boolean> => {
    const read = readCapability(deps.key, text, now() / 1000);
    const ask = read && (await waitOut(() => findAsk(deps.db, read.ask), deps.signal));
    const option = read && ask?.options[read.option];
    // Only options of a low risk get a button.
    if (!read || !ask || option?.risk !== "low") {
      counts.dropped++;
      return false;
    }
    const about = { ask: ask.id, task: ask.taskId, option: option.label };
    const body = ask.taskId === "" ? "The way to you and back works." : ask.taskId;
    // Read again after a crash that came before this was noted.
    if (ask.usedMessage === id) {
      await tell(ask, `Answered: ${option.label}`, body, cardOf(ask));
      return true;
    }
    try {
      const limit = `a button works for ${buttonHours} hours`;
      if (read.isOver) throw new DeputyError("gone", describeExpiry(ask, limit));
      await press(ask, option, id);
      counts.answered++;
      deps.log("info", about, "answered by a button of a push");
      await tell(ask, `Answered: ${option.label}`, body, cardOf(ask));
    } catch (error) {
      if (error instanceof DeputyError) {
        counts.refused++;
        await tell(ask, "Nothing was changed", error.message);
        return true;
      }
      if (deps.signal.aborted) throw error;
      // A fault of ours: the next message is not to wait for it.
      deps.log("error", { ...about, err: error }, "a button of a push failed");
      await tell(ask, "That did not work", `The daemon's log says why. ${ask.taskId}`);
    }
    return true;
  };
}
