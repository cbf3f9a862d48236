import { openFindings } from "../core/review/review.ts";
import { tellCoder } from "../core/review/review-words.ts";
import { type Decision, type FailureKind, goesOn, interruptedKinds } from "../core/task/failure.ts";
import type { Attempt, Subtask } from "../core/task/task.ts";
import { cutText } from "../core/text/clean-text.ts";
import type { Failure } from "./classify.ts";
import { countedKinds } from "./ladder.ts";

/**
 * What the next attempt is told about the one that failed, as its rung needs it: an agent that goes
 * on knows what it did, one that starts afresh gets all that was tried, in short. Pure.
 */
const untold: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "hung",
  "killed",
  "lost",
  "parked",
  "no_space",
  "work_lost",
  "unreadable",
  "question",
  "permission",
  "out_of_budget",
]);

/** `attempts`: of the subtask, the failed one last. After an interruption the old words stand. */
export function writeFeedback(
  subtask: Pick<Subtask, "feedback" | "ending" | "firstCountedAttempt" | "kind">,
  attempts: readonly Attempt[],
  failure: Failure,
  decision: Decision,
): string | null {
  const { kind } = decision;
  if (untold.has(kind)) return subtask.feedback;
  // A planner's own end is nothing about the work that it plans anew.
  if (subtask.kind === "replan") return subtask.feedback;
  // What an interrupted attempt was to settle is still to be settled.
  const isInterrupted = subtask.ending?.what === "attempt" && interruptedKinds.has(kind);
  if (isInterrupted && subtask.feedback !== null) return subtask.feedback;
  const { detail, evidence } = failure;
  const isReview = kind === "review_blocked" || kind === "review_not_done";
  // With evidence, it failed without the files that a person wanted left out.
  const isHeld = kind === "tests_weakened" || (kind === "judges_changed" && evidence === "");
  const isRepair = decision.rung === "repair";
  const isContinued = goesOn(decision.rung) && (attempts.at(-1)?.sessionId ?? null) !== null;
  // An agent that goes on needs no copy of its own output.
  const isOwnOutput = isRepair && subtask.ending?.what === "attempt";
  return [
    isReview || isHeld
      ? `The checks are green, but ${detail}`
      : isRepair
        ? `Your result did not pass (${kind}): ${detail}`
        : `The previous attempt failed (${kind}): ${detail}`,
    isOwnOutput ? "" : evidence,
    isReview ? "" : latestReview(attempts),
    isContinued ? "" : listTried(attempts.slice(0, -1), subtask.firstCountedAttempt),
    // A planner reads it that was not there.
    decision.rung === "replan" ? "" : describeWorktree(isRepair, isContinued, attempts.at(-1)),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function describeWorktree(
  isRepair: boolean,
  isContinued: boolean,
  former: Attempt | undefined,
): string {
  if (isRepair)
    return "The worktree is as you left it. Find the cause and repair it there; what is right may stay.";
  if (isContinued) return "The worktree is as you left it.";
  const back = "The worktree is back at its base: nothing of that attempt is left in it.";
  return [back, describeFormer(former)].filter((part) => part !== "").join(" ");
}

/** What is right of it need not be written again. Its commit is in the worktree's own repository. */
function describeFormer(former: Attempt | undefined): string {
  if (!former?.commit || former.commit === former.baseCommit) return "";
  const diff = `git diff ${former.baseCommit} ${former.commit}`;
  return `Its change can be read by \`${diff}\`, and taken over, where it is right, by \`${diff} --binary | git apply\`.`;
}

/** Open review findings are repeated until they are settled, whatever else went wrong meanwhile. */
function latestReview(attempts: readonly Attempt[]): string {
  const review = attempts.findLast(({ verdict }) => verdict?.review)?.verdict?.review;
  return review && openFindings(review).length > 0 ? tellCoder(review) : "";
}

/** One line for each earlier attempt whose work failed; empty: there is none. */
function listTried(earlier: readonly Attempt[], firstCounted: number): string {
  const lines = earlier.flatMap(({ agent, decision, detail, number, summary, verdict }) => {
    if (number < firstCounted || !decision || !countedKinds.has(decision.kind)) return [];
    const how = cutText(oneLine(verdict?.summary ?? detail ?? ""), 300);
    const said = summary === null ? "" : `; its agent said: ${cutText(oneLine(summary), 300)}`;
    return [`- attempt ${number} (${nameAgent(agent)}): ${decision.kind}, ${how}${said}`];
  });
  return lines.length === 0 ? "" : `Tried before that, and failed:\n${lines.join("\n")}`;
}

/** Without a command's arguments. */
function nameAgent(agent: string): string {
  return agent.replace(/:.*/s, "");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
