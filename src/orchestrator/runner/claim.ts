import { newId } from "../../core/base/id.ts";
import { invariant } from "../../core/base/invariant.ts";
import { findLateWork } from "../../core/ledger/late-work.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { nameFallback } from "../../core/task/failure.ts";
import { type Hold, slot } from "../../core/task/hold.ts";
import type { TaskState } from "../../core/task/lifecycle.ts";
import type { Claim, StageName } from "../../core/task/outcome.ts";
import { type Subtask, type Task, workerOf } from "../../core/task/task.ts";
import type { Garbled } from "../../core/task/task-detail.ts";
import type { Db } from "../../store/database/schema.ts";
import { findCandidates, subtaskStateOf, taskStatesOf } from "../../store/tasks/claims.ts";
import { makeTransact } from "../../store/tasks/ledger.ts";
import { takeOver } from "../transitions/late-work.ts";

/**
 * A stage's work is every row in its state whose hold is the stage's slot, or a wake that is due.
 * Claiming turns that hold into a lease and raises the epoch, under the task's lock: of two
 * processes that want the same row one gets it and the other finds it gone.
 */
export const leaseMs = 30_000;

/**
 * Claims per transaction: each of its shared statements costs as much as one claim. More are
 * claimed by several transactions at the same time.
 */
const atOnce = 8;

type Candidate = { taskId: string; subtaskId: string | null };

function chunk<T>(items: readonly T[], size: number): T[][] {
  const starts = Array.from({ length: Math.ceil(items.length / size) }, (_, i) => i * size);
  return starts.map((start) => items.slice(start, start + size));
}

/**
 * Claims up to `limit` pieces of work of a stage for this process, longest waiting first; each is
 * yielded as soon as it is claimed. Rows that another process took, or that cannot be claimed, are
 * skipped: one bad row must not block the others. An unreadable row is passed to `onGarbled`; any
 * other error is thrown at the end. A caller that stops it by `goOn` still receives claims under
 * way.
 */
export async function* claimWork(
  db: Db,
  processId: string,
  stage: StageName,
  limit: number,
  goOn: () => boolean = () => true,
  onGarbled: (garbled: Garbled) => void = () => {},
): AsyncGenerator<Claim> {
  const tried: string[] = [];
  let firstError: unknown = null;
  const transact = makeTransact(db);
  const claim = (candidates: Candidate[]) =>
    transact((ledger) => claimSome(ledger, processId, stage, candidates, onGarbled));
  for (let claimed = 0; claimed < limit && goOn(); ) {
    const wanted = limit - claimed;
    const candidates = await findCandidates(db, stage, wanted, tried);
    tried.push(...candidates.map(({ taskId, subtaskId }) => subtaskId ?? taskId));
    const alone = (candidate: Candidate) =>
      claim([candidate]).catch((error) => {
        firstError ??= error;
        return [];
      });
    const parts = chunk(candidates, atOnce).map((some) =>
      // One of them may be bad: retry each alone, so that the others are claimed.
      claim(some).catch(async () => (await Promise.all(some.map(alone))).flat()),
    );
    for (const part of parts) {
      const claims = await part;
      claimed += claims.length;
      yield* claims;
    }
    if (candidates.length < wanted) break; // there were no more
  }
  if (firstError) throw firstError;
}

/** Claims these rows as far as they are still free, in one transaction. */
export async function claimSome(
  ledger: TaskLedger,
  processId: string,
  stage: StageName,
  candidates: readonly Candidate[],
  onGarbled: (garbled: Garbled) => void,
): Promise<Claim[]> {
  const ofTask = stage === "plan" || stage === "deliver";
  const taskIds = candidates.map(({ taskId }) => taskId);
  const subtaskIds = candidates.flatMap(({ subtaskId }) => subtaskId ?? []);
  const [{ garbled, tasks, subtasks, now }, latest, reported] = await Promise.all([
    ledger.lockTasks(taskIds, { withSubtasks: !ofTask }),
    ofTask ? new Map<string, never>() : ledger.listLatestAttempts(subtaskIds),
    stage === "execute" ? ledger.listReported(subtaskIds) : [],
  ]);
  for (const one of garbled.values()) onGarbled(one);
  const expiresAt = new Date(now.getTime() + leaseMs);
  const lease = (doing: string) => ({ kind: "lease", owner: processId, expiresAt, doing }) as const;
  const isMerging = ({ state, hold }: Subtask) => state === "integrating" && hold?.kind === "lease";
  const merging = new Set([...subtasks.values()].filter(isMerging).map(({ taskId }) => taskId));
  const claimOne = async ({ taskId, subtaskId }: Candidate): Promise<Claim | null> => {
    const task = tasks.get(taskId);
    if (!task) return null;
    if (ofTask) return claimTask(ledger, stage, task, now, lease);
    const subtask = subtasks.get(subtaskId ?? "");
    if (!subtask || subtask.state !== subtaskStateOf[stage] || !isFree(subtask, stage, now))
      return null;
    // One merge at a time into a task branch, also among these candidates.
    if (stage === "integrate" && merging.has(taskId)) return null;
    merging.add(taskId);
    const attempt = latest.get(subtask.id) ?? null;
    const ofSubtask = reported.filter((one) => one.subtaskId === subtask.id);
    const late = findLateWork(subtask, ofSubtask);
    if (late && attempt) {
      await takeOver(ledger, processId, task, subtask, late, attempt.number);
      return null;
    }
    if (stage === "execute")
      return startAttempt(ledger, processId, task, subtask, attempt?.number ?? 0, lease);
    const doing = lease(`${stage} of "${subtask.key}"`);
    const { epoch } = await ledger.moveSubtask(
      subtask,
      subtask.state,
      doing,
      {},
      { newEpoch: true },
    );
    return { stage, taskId, subtaskId: subtask.id, attemptId: attempt?.id ?? null, epoch };
  };
  const claims = await Promise.all(candidates.map(claimOne));
  return claims.filter((claim) => claim !== null);
}

async function claimTask(
  ledger: TaskLedger,
  stage: "plan" | "deliver",
  task: Task,
  now: Date,
  lease: (doing: string) => Lease,
): Promise<Claim | null> {
  const states: readonly TaskState[] = taskStatesOf[stage];
  if (!states.includes(task.state) || !isFree(task, stage, now)) return null;
  const to = stage === "plan" ? "planning" : "delivering";
  const { epoch } = await ledger.moveTask(
    task,
    to,
    lease(`${to} the task`),
    {},
    { newEpoch: true },
  );
  if (stage === "plan")
    await ledger.appendEvent(task.id, {
      type: "task.planning",
      message: "Preparing the repository and the plan",
    });
  return { stage, taskId: task.id, subtaskId: null, attemptId: null, epoch };
}

type Lease = Extract<Hold, { kind: "lease" }>;

async function startAttempt(
  ledger: TaskLedger,
  processId: string,
  task: Task,
  subtask: Subtask,
  attempts: number,
  lease: (doing: string) => Lease,
): Promise<Claim> {
  const number = attempts + 1;
  invariant(subtask.baseCommit, "a ready subtask has its base commit");
  const how = [
    ...(subtask.sessionId ? ["in the session of the one before"] : []),
    ...(subtask.fallback ? [`${nameFallback(subtask.fallback)} took over`] : []),
  ].join(", ");
  const doing = lease(`attempt ${number} of "${subtask.key}"${how && ` (${how})`}`);
  const epoch = subtask.epoch + 1;
  const id = newId("attempt");
  await Promise.all([
    ledger.moveSubtask(subtask, "running", doing, { stageFailures: 0 }, { newEpoch: true }),
    ledger.insertAttempt({
      id,
      taskId: task.id,
      subtaskId: subtask.id,
      number,
      epoch,
      processId,
      agent: workerOf(subtask),
      baseCommit: subtask.baseCommit,
      sessionId: subtask.sessionId,
    }),
  ]);
  await ledger.appendEvent(task.id, {
    type: "attempt.started",
    message: `Attempt ${number} of "${subtask.title}" ${subtask.sessionId ? "continues the work" : "started"}${subtask.fallback ? `, by ${nameFallback(subtask.fallback)}` : ""}`,
    data: {
      number,
      key: subtask.key,
      agent: workerOf(subtask),
      model: subtask.fallback?.model ?? null,
      base_commit: subtask.baseCommit,
      continues: subtask.sessionId !== null,
    },
    subtaskId: subtask.id,
    attemptId: id,
  });
  return { stage: "execute", taskId: task.id, subtaskId: subtask.id, attemptId: id, epoch };
}

/** Whether a stage may claim the row now. */
export function isFree(row: Task | Subtask, stage: StageName, now: Date): boolean {
  const { hold } = row;
  if (hold?.kind === "dependency") return hold.on.length === 1 && hold.on[0] === slot(stage);
  return hold?.kind === "wake" && hold.at <= now;
}
