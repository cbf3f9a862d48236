import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { acceptOpen, leaveOutOpen } from "../../core/proof/accepted-judges.ts";
import { isWithout } from "../../core/proof/judge-words.ts";
import { isAcceptance } from "../../core/review/review.ts";
import type { Subtask } from "../../core/task/task.ts";
import { waitForSlot } from "../transitions/stage-retry.ts";

/**
 * Applies a person's answer about work that edits its own judges. "accept" and "without" verify it
 * again; any other answer goes to the coder, who continues in its session, and the result is judged
 * again.
 */
export async function answerAboutJudges(
  ledger: TaskLedger,
  subtask: Subtask,
  question: { text: string },
  answer: string,
): Promise<void> {
  const { ending, gateVerdict, taskId, verdict } = subtask;
  const isGate = ending?.what === "verdict" && ending.stage === "integrate";
  const asked = isGate ? gateVerdict : verdict;
  const answers = [...subtask.answers, { question: question.text, answer }];
  const attempted = (await ledger.getLatestAttempt(subtask.id))?.commit ?? null;
  const decides = isAcceptance(answer) || isWithout(answer);
  // With no commit at all there is nothing to verify: a new attempt makes one, and the answer still
  // applies.
  if (decides && (attempted ?? subtask.commit) !== null) {
    const set = isAcceptance(answer)
      ? {
          acceptedJudges: acceptOpen(subtask, asked, answer),
          withoutPaths: [],
          // The commit verified without these files is not the attempt's own.
          commit: attempted ?? subtask.commit,
        }
      : {
          withoutPaths: leaveOutOpen(subtask, asked),
          commit: subtask.commit ?? attempted,
        };
    await ledger.moveSubtask(subtask, "verifying", waitForSlot("verify"), { answers, ...set });
    return ledger.wakeStage("verify", taskId, subtask.id);
  }
  const set = { answers, withoutPaths: [] };
  await ledger.moveSubtask(subtask, "ready", waitForSlot("execute"), set);
  await ledger.wakeStage("execute", taskId, subtask.id);
}
