import { type Ask, type AskOption, buttonHours, describeExpiry } from "../../core/attention/ask.ts";
import { DeputyError } from "../../core/base/error.ts";
import { waitOut } from "../../store/database/outage.ts";
import type { Db } from "../../store/database/schema.ts";
import { findAsk } from "../../store/pushes/asks.ts";
import { readCapability } from "./capability.ts";

/**
 * One press of a button, however it came back to us: the capability, and an id of the message that brought
 * it, which may come again after a crash and then is the same press.
 */
export type TakePressDeps = {
  db: Db;
  key: Buffer;
  /** Does what the option stands for. Throws a DeputyError that says what is true instead. */
  press: (ask: Ask, option: AskOption, messageId: string) => Promise<void>;
  log: (level: "info" | "warn" | "error", fields: object, message: string) => void;
  signal: AbortSignal;
  now?: () => number;
};

export type ReplyCounts = { answered: number; refused: number; dropped: number };

/** What is true now, in words. */
export type Taken = { ask: Ask; title: string; body: string; isAnswered: boolean };

/** Null: no button of ours sent it. */
export async function takePress(
  deps: TakePressDeps,
  counts: ReplyCounts,
  id: string,
  text: string,
): Promise<Taken | null> {
  const now = deps.now ?? Date.now;
  const read = readCapability(deps.key, text, now() / 1000);
  const ask = read && (await waitOut(() => findAsk(deps.db, read.ask), deps.signal));
  const option = read && ask?.options[read.option];
  // Only options of a low risk get a button.
  if (!read || !ask || option?.risk !== "low") {
    counts.dropped++;
    return null;
  }
  const about = { ask: ask.id, task: ask.taskId, option: option.label };
  const answered: Taken = {
    ...{ ask, isAnswered: true, title: `Answered: ${option.label}` },
    body: ask.taskId === "" ? "The way to you and back works." : ask.taskId,
  };
  // Read again after a crash that came before this was noted.
  if (ask.usedMessage === id) return answered;
  try {
    const limit = `a button works for ${buttonHours} hours`;
    if (read.isOver) throw new DeputyError("gone", describeExpiry(ask, limit));
    await press(deps, ask, option, id);
    counts.answered++;
    deps.log("info", about, "answered by a button of a push");
    return answered;
  } catch (error) {
    if (error instanceof DeputyError) {
      counts.refused++;
      return { ask, title: "Nothing was changed", body: error.message, isAnswered: false };
    }
    if (deps.signal.aborted) throw error;
    // A fault of ours: the next message is not to wait for it.
    deps.log("error", { ...about, err: error }, "a button of a push failed");
    const body = `The daemon's log says why. ${ask.taskId}`;
    return { ask, title: "That did not work", body, isAnswered: false };
  }
}

async function press(deps: TakePressDeps, ask: Ask, option: AskOption, id: string): Promise<void> {
  try {
    await waitOut(() => deps.press(ask, option, id), deps.signal);
  } catch (error) {
    // It may have been committed, its reply lost, and then been refused to itself.
    const now = await waitOut(() => findAsk(deps.db, ask.id), deps.signal);
    if (!(error instanceof DeputyError) || now?.usedMessage !== id) throw error;
  }
}
