import { invariant } from "../core/base/invariant.ts";
import { findLateWork } from "../core/ledger/late-work.ts";
import { parseAgentName } from "../core/settings/agent-name.ts";
import { type Decision, type Fallback, restartedOnHead } from "../core/task/failure.ts";
import type { Outcome, Stage } from "../core/task/outcome.ts";
import type { Attempt, Subtask, Task } from "../core/task/task.ts";
import { fence } from "../core/text/data-block.ts";
import { cleanOutsideText } from "../core/text/outside-text.ts";
import type { Db } from "../store/database/schema.ts";
import { getSubtask, getTask, listAttempts, listSubtasks } from "../store/tasks/tasks.ts";
import { hasCommit, type Mirrors } from "../worktree/mirror/mirror.ts";
import { diffCommits } from "../worktree/read/diff.ts";
import { findMergeBase, treeOf } from "../worktree/read/read-commit.ts";
import { classify } from "./classify.ts";
import { decide } from "./decide.ts";
import { isStep, type PastFailure } from "./ladder.ts";
import { mayPlanAnew } from "./lineage.ts";
import { writeFeedback } from "./write-feedback.ts";

export type RecoverDeps = {
  db: Db;
  mirrors: Mirrors;
  backoffBaseMs: number;
  chance: () => number;
  /** Who could take over from the subtask's agent, in order. */
  findFallbacks: (task: Task, subtask: Subtask) => readonly Fallback[];
  /** Whether the next of them takes over at a provider's limit. */
  failsOver: (repository: string) => boolean;
  /** Whether a planner could be asked about this repository. */
  hasPlanner: (repository: string) => boolean;
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
    const [task, subtasks, all] = await Promise.all([
      getTask(deps.db, subtask.taskId),
      listSubtasks(deps.db, subtask.taskId),
      listAttempts(deps.db, { taskId: subtask.taskId }),
    ]);
    invariant(task, "a subtask has its task");
    const attempts = all.filter(({ subtaskId }) => subtaskId === subtask.id);
    const earlier = findEarlier(subtask, attempts);
    return decideNext(
      { task, subtask, subtasks, attempts: all },
      {
        backoffBaseMs: deps.backoffBaseMs,
        chance: deps.chance(),
        merged: await describeMerged(deps, task, subtask),
        isUnchanged: await isUnchanged(deps, task, attempts.at(-1), earlier),
        // A planner's own failure is nothing that another coder could mend.
        fallbacks: subtask.kind === "work" ? deps.findFallbacks(task, subtask) : [],
        failsOver: deps.failsOver(task.repository),
        hasPlanner: deps.hasPlanner(task.repository),
      },
    );
  };
}

/** What the repositories and the settings add to what the rows say. */
type Circumstances = {
  backoffBaseMs: number;
  chance: number;
  /** What siblings merged since; see `classify`. */
  merged: string | null;
  isUnchanged: boolean;
  fallbacks: readonly Fallback[];
  failsOver: boolean;
  hasPlanner: boolean;
};

/** The decision about a subtask, from the rows of its task. Pure, but for the time. */
export function decideNext(
  rows: {
    task: Task;
    subtask: Subtask;
    subtasks: readonly Subtask[];
    /** Of the whole task. */
    attempts: readonly Attempt[];
  },
  circumstances: Circumstances,
): Extract<Outcome, { kind: "decided" }> {
  const { subtask, task } = rows;
  const { backoffBaseMs, chance, failsOver, fallbacks, isUnchanged, merged } = circumstances;
  const attempts = rows.attempts
    .filter(({ subtaskId }) => subtaskId === subtask.id)
    // Where the work moved on to another base, the files of the session are those of the old one.
    .map((one) => (one.baseCommit === subtask.baseCommit ? one : { ...one, sessionId: null }));
  const current = attempts.at(-1) ?? null;
  const earlier = findEarlier(subtask, attempts);
  const history: PastFailure[] = earlier.flatMap(({ decision }) => decision ?? []);
  const failure = classify(subtask, current, merged);
  const hasSession = current !== null && current.sessionId !== null && canGoOn(current.agent);
  const mayReplan = mayPlanAnew(task, subtask, { ...rows, ...circumstances });
  const decision = decide(failure, history, {
    ...{ backoffBaseMs, chance, now: new Date() },
    place: { number: current?.number ?? 0, firstCounted: subtask.firstCountedAttempt },
    left: { hasSession, isUnchanged, fallbacks, failsOver, mayReplan },
    askForHelp: task.whenStuck === "ask" ? (why) => askForHelp(subtask, why) : null,
  });
  const late = findLateWork(subtask, attempts);
  if (late && beginsAnew(decision)) {
    const reason = `attempt ${late.number} finished after it was given up, and its work is verified before anything else is tried (${failure.detail})`;
    const taken: Decision = {
      ...{ action: "retry", rung: "continue", kind: decision.kind },
      ...{ signature: decision.signature, delayMs: 0, reason },
    };
    return { kind: "decided", decision: taken, feedback: subtask.feedback };
  }
  const feedback = writeFeedback(subtask, attempts, failure, decision);
  return { kind: "decided", decision, feedback };
}

/** Whether work is begun again that late work may spare, or is given up. */
function beginsAnew(decision: Decision): boolean {
  const { kind, rung } = decision;
  if (restartedOnHead.has(kind)) return false;
  const isStuck = decision.action === "ask" && decision.asks === "stuck";
  return isStuck || isStep(rung);
}

/** What is asked when recovery has nothing left: what was tried, and the answers that help. */
function askForHelp({ title }: Pick<Subtask, "title">, why: string): string {
  return `"${title}" is stuck ${why}\n\nAnswer with what the next attempts should do differently, with "retry" once what was in the way is gone, or with "give up" to end it.`;
}

/** The attempts before the last one, since the subtask started or was reopened. */
function findEarlier(subtask: Subtask, attempts: readonly Attempt[]): readonly Attempt[] {
  return attempts.slice(0, -1).filter(({ number }) => number >= subtask.firstCountedAttempt);
}

/** The session of a command ends when its program ends by itself. */
function canGoOn(agent: string): boolean {
  return parseAgentName(agent)?.kind !== "command";
}

/**
 * Whether the attempt ended with the same files as the one that its rung followed. One that was
 * interrupted in between did a part of the same work.
 */
async function isUnchanged(
  { mirrors }: RecoverDeps,
  task: Task,
  current: Attempt | undefined,
  earlier: readonly Attempt[],
): Promise<boolean> {
  const before = earlier.findLast(
    ({ commit, decision }) => commit !== null && decision !== null && isStep(decision.rung),
  )?.commit;
  const commit = current?.commit;
  if (!before || !commit) return false;
  if (before === commit) return true;
  if (!task.preparation) return false;
  const mirror = mirrors.at(task.preparation.mirror);
  // Lost with a mirror: a stage that needs it finds out.
  const isKept = await Promise.all([hasCommit(mirror, before), hasCommit(mirror, commit)]);
  if (isKept.includes(false)) return false;
  return (await treeOf(mirror, before)) === (await treeOf(mirror, commit));
}

const maxTheirs = 6_000;

/**
 * What siblings merged since the base of a subtask that could not be merged, with the diff of the
 * conflicting files. Null: the task branch has not moved, or the subtask ended otherwise.
 */
async function describeMerged(
  { db, mirrors }: { db: Db; mirrors: Mirrors },
  task: Task | null,
  subtask: Subtask,
): Promise<string | null> {
  const { baseCommit, ending, taskId } = subtask;
  const wasLost = ending?.what === "conflict" || ending?.what === "verdict";
  const head = task?.headCommit;
  if (!wasLost || !task?.preparation || !baseCommit || !head || head === baseCommit) return null;
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
