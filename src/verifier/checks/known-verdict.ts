import {
  type Check,
  type SameTree,
  setupCheckName,
  type Verdict,
} from "../../core/proof/verdict.ts";
import type { EventType } from "../../core/task/event.ts";
import type { Claim } from "../../core/task/outcome.ts";
import type { Attempt, Subtask, Task } from "../../core/task/task.ts";
import { listFlakyTests } from "../../store/records/flaky-tests.ts";
import { listAttempts, listLastEvents } from "../../store/tasks/tasks.ts";
import { hasCommit } from "../../worktree/mirror/mirror.ts";
import { listFilesAt, treeOf } from "../../worktree/read/read-commit.ts";
import { conclude } from "./conclude.ts";
import { checksOf, mirrorOf, type VerifyDeps } from "./task-place.ts";

/**
 * A verdict belongs to a tree: an attempt that ends with the tree of an earlier one, as after a review
 * that it contests, is not checked again. A red verdict holds until a person says or does something,
 * because they may have mended the machine. Never for a `--fresh` task, for checks that are always
 * to run or have tests that flip, and where somebody may have accepted what changed meanwhile.
 */
export async function findKnownVerdict(
  deps: VerifyDeps,
  claim: Claim,
  task: Task,
  subtask: Subtask,
  commit: string,
): Promise<Verdict | null> {
  if (task.fresh || subtask.withoutPaths.length > 0) return null;
  const checks = checksOf(task, subtask);
  if (checks.length === 0 || checks.some(({ always }) => always)) return null;
  const mirror = mirrorOf(deps, task);
  const tree = await treeOf(mirror, commit);
  for (const attempt of (await listAttempts(deps.db, { subtaskId: subtask.id })).toReversed()) {
    const { baseCommit, commit: other, id, verdict } = attempt;
    if (id === claim.attemptId || other === null || baseCommit !== subtask.baseCommit) continue;
    if (!verdict || !isWhole(verdict, checks)) continue;
    // A mirror that was made again lacks what attempts had committed.
    if (!(await hasCommit(mirror, other)) || (await treeOf(mirror, other)) !== tree) continue;
    const before = withoutReview(verdict);
    if (before.result === "inconclusive") return null;
    if (before.result === "fail" && (await hasSpoken(deps, attempt))) return null;
    if (await mayDiffer(deps, task, checks)) return null;
    // What submodules hold is in no tree.
    if ((await listFilesAt(mirror, commit)).includes(".gitmodules")) return null;
    return { ...before, sameTree: before.sameTree ?? describe(attempt, before) };
  }
  return null;
}

/** Whether it is a verdict by these checks, to which nobody's acceptance belongs. */
function isWhole({ checks, judges = [], unchanged }: Verdict, wanted: readonly Check[]): boolean {
  const list = (all: readonly Check[]) =>
    JSON.stringify(
      all
        .map(({ command, kind, report, timeoutMs }) => [command, kind, report, timeoutMs])
        .toSorted(),
    );
  const judged = checks.map(({ check }) => check).filter(({ name }) => name !== setupCheckName);
  return !unchanged && judges.length === 0 && list(judged) === list(wanted);
}

/** What the checks said, before a review of it. */
function withoutReview({ review, ...verdict }: Verdict): Verdict {
  if (!review) return verdict;
  const notChecked = verdict.notChecked.filter((note) => !review.notDone.includes(note));
  const { checks, findings } = verdict;
  const before = conclude(checks, findings, []);
  const notes = [...new Set([...notChecked, ...before.notChecked])];
  return { ...verdict, result: "pass", summary: before.summary, notChecked: notes };
}

const ofPeople: ReadonlySet<EventType> = new Set<EventType>([
  ...(["task.retried", "task.messaged", "task.commented", "task.updated"] as const),
  ...(["task.unpaused", "task.resumed", "subtask.retried", "question.answered"] as const),
]);
const maxEvents = 500;

async function hasSpoken({ db }: VerifyDeps, { id, taskId }: Attempt): Promise<boolean> {
  const events = await listLastEvents(db, taskId, maxEvents);
  const at = events.findLastIndex(
    ({ attemptId, type }) => attemptId === id && type === "verdict.reached",
  );
  return at < 0 || events.slice(at).some(({ type }) => ofPeople.has(type));
}

async function mayDiffer({ db }: VerifyDeps, { repository }: Task, checks: readonly Check[]) {
  const flips = await Promise.all(
    checks.map(({ command }) => listFlakyTests(db, { repository, command })),
  );
  return flips.some((tests) => tests.length > 0);
}

function describe({ number }: Attempt, { checks }: Verdict): SameTree {
  const judgedAt = checks.map(({ run }) => run.startedAt).toSorted()[0] ?? "";
  return { attempt: number, judgedAt };
}
