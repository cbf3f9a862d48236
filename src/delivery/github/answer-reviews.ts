import { DeputyError } from "../../core/base/error.ts";
import { readThreadReplies, type ThreadReply } from "../../core/forge/review-thread.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import {
  listUnanswered,
  markAnswered,
  postponeAnswer,
  type UnansweredThread,
} from "../../store/triggers/review-threads.ts";
import type { TellDeps } from "../tell-stories.ts";

/**
 * One reply in each thread of a review, once what was made of it is delivered: what the coder says it
 * did, or why not. Only the daemon replies. A reply whose row was lost is found by its mark.
 */
const batch = 20;
const longestPauseMs = 60 * 60_000;

/** One round. Returns how many replies were written. */
export async function answerReviews(deps: TellDeps, stopping: AbortSignal): Promise<number> {
  let written = 0;
  for (const thread of await listUnanswered(deps.db, batch)) {
    if (stopping.aborted) break;
    if (await answerThread(deps, thread)) written++;
  }
  return written;
}

async function answerThread(
  { db, forge, log }: TellDeps,
  thread: UnansweredThread,
): Promise<boolean> {
  const { commentId, failures, label, place, reviewId, taskId } = thread;
  const body = writeReply(thread, readThreadReplies(thread.summary).get(label) ?? null);
  const about = { target: place, body, taskId: `${taskId}:review:${reviewId}` };
  try {
    if (commentId === null) await forge.upsertComment({ ...about, known: null });
    else await forge.replyInThread({ ...about, commentId: Number(commentId) });
    await markAnswered(db, thread);
    return true;
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    log("warn", { taskId, place }, `A review's thread got no reply: ${error.message}`);
    // A thread that is gone, or a token that may not reply: asking again changes nothing.
    if (error.code !== "unavailable") await markAnswered(db, thread);
    else {
      const pauseMs = Math.min(longestPauseMs, 30_000 * 2 ** Math.min(failures, 10));
      await postponeAnswer(db, thread, error.retryAt ?? new Date(Date.now() + pauseMs));
    }
    return false;
  }
}

/** The words are an agent's, so they refer to nothing; the commit is ours. */
function writeReply(
  { deliveredCommit, hasChanged }: UnansweredThread,
  reply: ThreadReply | null,
): string {
  const words = reply === null ? "" : makeInert(reply.words);
  const commit = deliveredCommit ?? "";
  if (reply !== null && reply.kind !== "fix" && words !== "") return words;
  if (!hasChanged) return words === "" ? "Nothing was changed because of this." : words;
  return words === "" ? `This was worked on in ${commit}.` : `${commit}: ${words}`;
}
