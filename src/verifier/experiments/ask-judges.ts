import { mkdir } from "node:fs/promises";
import { describeJudge } from "../../core/proof/judge-words.ts";
import type { JudgeChange } from "../../core/proof/verdict.ts";
import { chooseReviewers } from "../../core/review/choose-reviewers.ts";
import { askedForOutputSchema, readAskedFor } from "../../core/review/review-answer.ts";
import { maxProviderWaits } from "../../core/task/provider-wait.ts";
import { type Subtask, type Task, workerOf } from "../../core/task/task.ts";
import type { Db } from "../../store/database/schema.ts";
import { wasBudgetRefused } from "../../store/records/reviews.ts";
import { commitTree } from "../../worktree/commits/commit-tree.ts";
import { diffCommits } from "../../worktree/read/diff.ts";
import { treeOf } from "../../worktree/read/read-commit.ts";
import { writeJudgeChangesBrief } from "../review/review-brief.ts";
import { ask, type CallPlace } from "../review/review-call.ts";
import type { ReviewDeps } from "../review/review-round.ts";
import { acceptByQuote } from "./accept-by-words.ts";

/**
 * Asks a reviewer with its own context whether the requester asked for these changes to files that
 * nobody accepted. Its answer is worth its quote, which is looked up in the requester's words. It
 * sees neither text from outside nor the coder's words.
 */
export type AskJudges = {
  db: Db;
  deps: Pick<ReviewDeps, "runRole" | "candidates" | "coder">;
  task: Task;
  subtask: Subtask;
  attempt: { id: string; endedAt: Date | null };
  /** The requester's words. */
  words: readonly string[];
  commit: string;
  place: Pick<CallPlace, "baseCommit" | "env" | "logRoot" | "mirror" | "signal" | "workRoot">;
};

/** Returns the files with the reviewer's acceptances, and a note when none could be asked. */
export async function askAboutOpen(
  judges: readonly JudgeChange[],
  { attempt, commit, db, deps, place, subtask, task, words }: AskJudges,
): Promise<{ judges: JudgeChange[]; note: string | null }> {
  const open = judges.filter(({ accepted }) => accepted === null);
  const [reviewer] = chooseReviewers(
    deps.candidates(task, workerOf(subtask)),
    deps.coder(task, workerOf(subtask)),
    1,
  );
  const unchanged = { judges: [...judges], note: null };
  if (open.length === 0 || words.length === 0 || !reviewer) return unchanged;
  const { baseCommit, mirror } = place;
  const paths = open.map(({ path }) => path);
  const diff = await diffCommits(mirror, baseCommit, commit, { paths });
  const tree = await treeOf(mirror, commit);
  const refused = attempt.endedAt && (await wasBudgetRefused(db, task.id, attempt.endedAt));
  await mkdir(place.logRoot, { recursive: true });
  const read = await ask(
    {
      ...place,
      ...{ db, runRole: deps.runRole, maxAsked: 1 },
      commit: await commitTree(mirror, tree, [baseCommit], "The change in question"),
      patience: { mayPostpone: subtask.postponed < maxProviderWaits, mayAskForBudget: !refused },
      about: { taskId: task.id, subtaskId: subtask.id },
    },
    {
      key: { attemptId: attempt.id, kind: "judge_changes", seat: 1 },
      ...{ role: "reviewer", agent: reviewer.agent, model: reviewer.model },
      brief: await writeJudgeChangesBrief(
        words,
        open.map((one) => `- ${describeJudge(one)}`),
        diff,
      ),
      outputSchema: askedForOutputSchema,
      read: readAskedFor,
    },
  );
  if ("problem" in read) {
    const note = `No reviewer said whether the changes to what judges the work were asked for: ${read.problem}`;
    return { judges: [...judges], note };
  }
  const quotes = new Map(
    read.answer.flatMap((one) => (one.asked_for ? [[one.path, one.quote] as const] : [])),
  );
  const accepted = judges.map((judge) => {
    const quote = judge.accepted === null ? quotes.get(judge.path) : undefined;
    return quote === undefined
      ? judge
      : { ...judge, accepted: acceptByQuote(judge, paths, quote, words) };
  });
  return { judges: accepted, note: null };
}
