import { slot } from "../core/hold.ts";
import { newId } from "../core/id.ts";
import { invariant } from "../core/invariant.ts";
import type { TaskState } from "../core/lifecycle.ts";
import type { Claim, StageName } from "../core/outcome.ts";
import type { Subtask, Task } from "../core/task.ts";
import { getLatestAttempt, insertAttempt } from "../store/attempts.ts";
import { findCandidates, subtaskStateOf, taskStatesOf } from "../store/claims.ts";
import type { Db, Tx } from "../store/schema.ts";
import { appendEvent, inTransition, lockTask, moveSubtask, moveTask } from "../store/transition.ts";

/**
 * A stage's work is every row in its state whose hold is the stage's slot, or a wake that is due.
 * Claiming turns that hold into a lease and raises the epoch, under the task's lock: of two
 * processes that want the same row one gets it and the other finds it gone.
 */
export const leaseMs = 30_000;

/** Most of a claim is waiting for the database. */
const atOnce = 4;

/**
 * Claim up to `limit` pieces of work of a stage for this boot, longest waiting first; each is handed
 * over as soon as it is claimed. What another process was faster on is left aside, and so is what
 * cannot be claimed: one bad row must not keep all others waiting. Its error is thrown at the end.
 * Whoever stops it by `goOn` still gets what is being claimed at that moment.
 */
export async function* claimWork(
  db: Db,
  bootId: string,
  stage: StageName,
  limit: number,
  goOn: () => boolean = () => true,
): AsyncGenerator<Claim> {
  const tried: string[] = [];
  let firstError: unknown = null;
  for (let claimed = 0; claimed < limit && goOn(); ) {
    const candidates = await findCandidates(db, stage, limit - claimed, tried);
    if (candidates.length === 0) break;
    for (let from = 0; from < candidates.length && goOn(); from += atOnce) {
      const some = candidates.slice(from, from + atOnce).map(({ taskId, subtaskId }) => {
        tried.push(subtaskId ?? taskId);
        return inTransition(db, (tx) => claimOne(tx, bootId, stage, taskId, subtaskId)).catch(
          (error) => {
            firstError ??= error;
            return null;
          },
        );
      });
      for (const claiming of some) {
        const claim = await claiming;
        if (!claim) continue;
        claimed++;
        yield claim;
      }
    }
  }
  if (firstError) throw firstError;
}

async function claimOne(
  tx: Tx,
  bootId: string,
  stage: StageName,
  taskId: string,
  subtaskId: string | null,
): Promise<Claim | null> {
  const locked = await lockTask(tx, taskId);
  if (!locked) return null;
  const { task, subtasks, now } = locked;
  const expiresAt = new Date(now.getTime() + leaseMs);
  const lease = (doing: string) => ({ kind: "lease", owner: bootId, expiresAt, doing }) as const;
  if (stage === "plan" || stage === "deliver") {
    const states: readonly TaskState[] = taskStatesOf[stage];
    if (!states.includes(task.state) || !isFree(task, stage, now)) return null;
    const to = stage === "plan" ? "planning" : "delivering";
    const claimed = await moveTask(tx, task, to, lease(`${to} the task`), {}, true);
    if (stage === "plan")
      await appendEvent(tx, taskId, {
        type: "task.planning",
        message: "Preparing the repository and the plan",
      });
    return { stage, taskId, subtaskId: null, attemptId: null, epoch: claimed.epoch };
  }
  const subtask = subtasks.find(({ id }) => id === subtaskId);
  if (!subtask || subtask.state !== subtaskStateOf[stage] || !isFree(subtask, stage, now))
    return null;
  if (
    stage === "integrate" &&
    subtasks.some((other) => other.state === "integrating" && other.hold?.kind === "lease")
  )
    return null;
  if (stage === "execute") return startAttempt(tx, bootId, task, subtask, lease);
  const claimed = await moveSubtask(
    tx,
    subtask,
    subtask.state,
    lease(`${stage} of "${subtask.key}"`),
    {},
    true,
  );
  const attempt = await getLatestAttempt(tx, subtask.id);
  return {
    stage,
    taskId,
    subtaskId: subtask.id,
    attemptId: attempt?.id ?? null,
    epoch: claimed.epoch,
  };
}

async function startAttempt(
  tx: Tx,
  bootId: string,
  task: Task,
  subtask: Subtask,
  lease: (doing: string) => { kind: "lease"; owner: string; expiresAt: Date; doing: string },
): Promise<Claim> {
  const number = ((await getLatestAttempt(tx, subtask.id))?.number ?? 0) + 1;
  invariant(subtask.baseCommit, "a ready subtask has its base commit");
  const claimed = await moveSubtask(
    tx,
    subtask,
    "running",
    lease(`attempt ${number} of "${subtask.key}"`),
    { stageFailures: 0 },
    true,
  );
  const id = newId("attempt");
  await insertAttempt(tx, {
    id,
    taskId: task.id,
    subtaskId: subtask.id,
    number,
    epoch: claimed.epoch,
    bootId,
    agent: subtask.agent,
    baseCommit: subtask.baseCommit,
    sessionId: subtask.sessionId,
  });
  await appendEvent(tx, task.id, {
    type: "attempt.started",
    message: `Attempt ${number} of "${subtask.title}" ${subtask.sessionId ? "goes on with the work" : "started"}`,
    data: {
      number,
      key: subtask.key,
      agent: subtask.agent,
      base_commit: subtask.baseCommit,
      continues: subtask.sessionId !== null,
    },
    subtaskId: subtask.id,
    attemptId: id,
  });
  return {
    stage: "execute",
    taskId: task.id,
    subtaskId: subtask.id,
    attemptId: id,
    epoch: claimed.epoch,
  };
}

function isFree(row: Task | Subtask, stage: StageName, now: Date): boolean {
  const { hold } = row;
  if (hold?.kind === "dependency") return hold.on.length === 1 && hold.on[0] === slot(stage);
  return hold?.kind === "wake" && hold.at <= now;
}
