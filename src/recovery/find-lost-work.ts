import { sparseOf } from "../core/settings/sparse.ts";
import type { Claim, LostWork } from "../core/task/outcome.ts";
import type { Subtask, Task } from "../core/task/task.ts";
import { attemptRef, commitMessage } from "../core/text/commit-message.ts";
import type { Redact } from "../core/text/redact.ts";
import type { Db } from "../store/database/schema.ts";
import { getTask, listAttempts, listSubtasks } from "../store/tasks/tasks.ts";
import { listWorktreesOf } from "../store/tasks/worktrees.ts";
import { remakeCommit } from "../worktree/commits/remake-commit.ts";
import { hasCommit, type Mirror, type Mirrors } from "../worktree/mirror/mirror.ts";
import { isAncestor } from "../worktree/read/read-commit.ts";

/**
 * A deleted mirror takes with it the commits that existed nowhere else. For any stage, this finds
 * which of them a task's rows still name: those that the worktrees still hold are committed again
 * with the same ids; the rest is reported, to be worked on again.
 */
export class WorkLost extends Error {
  readonly work: LostWork;
  constructor(work: LostWork) {
    super(work.detail);
    this.work = work;
  }
}

/** Null: no commit that this claim needs is missing. "restored": some were missing and are back. */
export async function findLostWork(
  { db, mirrors, redact }: { db: Db; mirrors: Mirrors; redact: Redact },
  claim: Claim,
): Promise<LostWork | "restored" | null> {
  const task = await getTask(db, claim.taskId);
  if (!task?.preparation || task.headCommit === null) return null;
  const { baseCommit } = task.preparation;
  const mirror = mirrors.at(task.preparation.mirror);
  // Without the base there is nothing that work could start from.
  if (!(await hasCommit(mirror, baseCommit))) return null;
  const subtasks = await listSubtasks(db, task.id);
  const needed = [task.headCommit, ...neededBy(subtasks, claim)];
  const missing = await listMissing(mirror, needed);
  if (missing.length === 0) return null;
  await remakeAll({ db, redact }, mirror, task, subtasks);
  const [lost, ...more] = await listMissing(mirror, needed);
  if (lost === undefined) return "restored";
  const which = more.length === 0 ? `the commit ${lost} was` : `${more.length + 1} commits were`;
  const detail = `${which} lost with Deputy's mirror, which was deleted or damaged`;
  if (lost !== task.headCommit) return { detail, head: null, subtaskIds: [] };
  const { deliveredCommit } = task;
  const isLeft = deliveredCommit !== null && (await hasCommit(mirror, deliveredCommit));
  const to = isLeft ? deliveredCommit : baseCommit;
  const subtaskIds: string[] = [];
  for (const { id, integratedCommit } of subtasks) {
    if (integratedCommit === null) continue;
    const isThere = await hasCommit(mirror, integratedCommit);
    if (!isThere || !(await isAncestor(mirror, integratedCommit, to))) subtaskIds.push(id);
  }
  const { update } = task.preparation;
  const isOlder = update && !(await isAncestor(mirror, baseCommit, to));
  return { detail, head: { lost, to, ...(isOlder && { base: update.from }) }, subtaskIds };
}

/** An attempt starts at its base; finished work is judged and merged by its commit. */
function neededBy(subtasks: readonly Subtask[], { stage, subtaskId }: Claim): string[] {
  const subtask = subtasks.find(({ id }) => id === subtaskId);
  const isDone = stage === "verify" || stage === "integrate";
  return [subtask?.baseCommit, isDone ? subtask?.commit : null].filter((id) => id != null);
}

async function listMissing(mirror: Mirror, commits: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const commit of new Set(commits))
    if (!(await hasCommit(mirror, commit))) missing.push(commit);
  return missing;
}

/** In the order of the attempts, so that each commit's base exists before it. */
async function remakeAll(
  { db, redact }: { db: Db; redact: Redact },
  mirror: Mirror,
  task: Task,
  subtasks: readonly Subtask[],
): Promise<void> {
  const worktrees = await listWorktreesOf(db, task.id);
  for (const attempt of await listAttempts(db, { taskId: task.id })) {
    const { baseCommit: parent, commit, id, subtaskId, summary, startedAt, endedAt } = attempt;
    const subtask = subtasks.find((one) => one.id === subtaskId);
    const worktree = worktrees.find((one) => one.subtaskId === subtaskId);
    if (commit === null || endedAt === null || subtask?.commit !== commit) continue;
    if (worktree?.state !== "active" || !(await hasCommit(mirror, parent))) continue;
    if (await hasCommit(mirror, commit)) continue;
    await remakeCommit(mirror, {
      ...{ path: worktree.path, commit, parent, ref: attemptRef(id) },
      message: commitMessage(task, subtask, summary, redact),
      ...{ from: startedAt, until: endedAt, sparse: sparseOf(task.preparation) },
    });
  }
}
