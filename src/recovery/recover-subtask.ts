import { invariant } from "../core/base/invariant.ts";
import { openFindings } from "../core/review/review.ts";
import { tellCoder } from "../core/review/review-words.ts";
import { continuedKinds } from "../core/task/failure.ts";
import type { Stage } from "../core/task/outcome.ts";
import type { Attempt, Subtask } from "../core/task/task.ts";
import { fence } from "../core/text/data-block.ts";
import { cleanOutsideText } from "../core/text/outside-text.ts";
import type { Db } from "../store/database/schema.ts";
import { getSubtask, getTask, listAttempts, listSubtasks } from "../store/tasks/tasks.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import { diffCommits } from "../worktree/read/diff.ts";
import { findMergeBase } from "../worktree/read/read-commit.ts";
import { classify, type Failure } from "./classify.ts";
import { decide, type PastFailure } from "./decide.ts";

export type RecoverDeps = {
  db: Db;
  mirrors: Mirrors;
  backoffBaseMs: number;
  chance: () => number;
};

/**
 * The recover stage: read the ending, classify, decide. The history is read from the attempts' own
 * rows, so it survives restarts.
 */
export function makeRecoverStage(deps: RecoverDeps): Stage {
  return async (claim) => {
    invariant(claim.subtaskId, "recovery is about a subtask");
    const subtask = await getSubtask(deps.db, claim.subtaskId);
    invariant(subtask, "a claimed subtask exists");
    const attempts = await listAttempts(deps.db, { subtaskId: subtask.id });
    const current = attempts.at(-1) ?? null;
    const history: PastFailure[] = attempts
      .filter(({ id, number }) => id !== current?.id && number >= subtask.firstCountedAttempt)
      .flatMap(({ decision }) =>
        decision ? [{ kind: decision.kind, signature: decision.signature }] : [],
      );
    const failure = classify(subtask, current, await describeMerged(deps, subtask));
    const decision = decide(failure, history, {
      backoffBaseMs: deps.backoffBaseMs,
      chance: deps.chance(),
      now: new Date(),
      place: {
        number: current?.number ?? 0,
        firstCounted: subtask.firstCountedAttempt,
      },
    });
    const feedback = [
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
    ].includes(decision.kind)
      ? subtask.feedback
      : describe(
          { ...failure, kind: decision.kind },
          latestReview(attempts),
          current?.sessionId ?? null,
        );
    return { kind: "decided", decision, feedback };
  };
}

const maxTheirs = 6_000;

/**
 * What siblings merged since the base of a subtask that could not be merged, with the diff of the
 * conflicting files. Null: the task branch has not moved, or the subtask ended otherwise.
 */
async function describeMerged(
  { db, mirrors }: { db: Db; mirrors: Mirrors },
  subtask: Subtask,
): Promise<string | null> {
  const { baseCommit, ending, taskId } = subtask;
  const wasLost = ending?.what === "conflict" || ending?.what === "verdict";
  const task = wasLost ? await getTask(db, taskId) : null;
  const head = task?.headCommit;
  if (!task?.preparation || !baseCommit || !head || head === baseCommit) return null;
  const mirror = mirrors.at(task.preparation.mirror);
  const paths = ending?.what === "conflict" ? ending.files : [];
  const [siblings, diff] = await Promise.all([
    listSubtasks(db, taskId),
    diffCommits(mirror, baseCommit, head, { maxBytes: maxTheirs, paths }),
  ]);
  const merged = await Promise.all(
    siblings.map(async ({ integratedCommit, key, title }) => {
      const isNew =
        integratedCommit !== null &&
        (await findMergeBase(mirror, baseCommit, integratedCommit)) !== integratedCommit;
      return isNew ? [`- "${key}": ${title}`] : [];
    }),
  );
  const where = paths.length > 0 ? " to these files" : "";
  return `Done meanwhile:\n${merged.flat().join("\n")}\n\nWhat that changed${where}, as a diff:\n\n${fence(cleanOutsideText(diff, maxTheirs))}`;
}

/** Open review findings are repeated until they are settled, whatever else went wrong meanwhile. */
function latestReview(attempts: readonly Attempt[]): string {
  const review = attempts.findLast(({ verdict }) => verdict?.review)?.verdict?.review;
  return review && openFindings(review).length > 0 ? tellCoder(review) : "";
}

function describe({ kind, detail, evidence }: Failure, review: string, sessionId: string | null) {
  const isReview = kind === "review_blocked" || kind === "review_not_done";
  // With evidence, it failed without the files that a person wanted left out.
  const isHeld = kind === "tests_weakened" || (kind === "judges_changed" && evidence === "");
  const isGreen = isReview || isHeld;
  const isContinued = continuedKinds.has(kind) && sessionId !== null;
  return [
    isGreen
      ? `The checks are green, but ${detail}`
      : `The previous attempt failed (${kind}): ${detail}`,
    evidence,
    isReview ? "" : review,
    isContinued
      ? "The worktree is as you left it."
      : "The worktree is back at its base: nothing of that attempt is left in it.",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}
