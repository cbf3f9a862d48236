import { sql } from "kysely";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import type { Decided, Due, KeptTask } from "../../core/task/retention.ts";
import type { Db, Tx } from "../database/schema.ts";

/** Retention of finished tasks, and the deletion of their rows. */

/** A finished task with everything that decides whether data of it is removed. */
export type OldTask = Omit<KeptTask, "settledAt"> & Decided & { mirror: string | null };

/** Tasks that ended before and still have data to remove, oldest first. */
export async function listOldTasks(db: Db, before: Date): Promise<OldTask[]> {
  const tasks = await db
    .selectFrom("tasks as t")
    .select(["t.id", "t.state", "t.endedAt", "t.prunedAt", "t.acceptedAt", "t.rolledBackAt"])
    .select(["t.discardedAt", "t.deliveredCommit", "t.expectsChange"])
    .select(
      sql<boolean>`exists (select from attempts a where a.task_id = t.id and a.snapshot_ref is not null)`.as(
        "hasSnapshots",
      ),
    )
    .select(sql<string | null>`t.preparation->>'mirror'`.as("mirror"))
    .where("t.state", "in", terminalTaskStates)
    .where("t.endedAt", "<", before)
    .where(
      sql<boolean>`(t.pruned_at is null or t.pruned_at < t.ended_at
        or exists (select from attempts a where a.task_id = t.id and a.snapshot_ref is not null)
        or exists (select from worktrees w where w.task_id = t.id
          and (w.state = 'active' or w.snapshot_ref is not null)))`,
    )
    .orderBy("t.endedAt")
    .execute();
  if (tasks.length === 0) return [];
  const ids = tasks.map(({ id }) => id);
  const worktrees = await db
    .selectFrom("worktrees")
    .select(["id", "taskId", "state", "lastUsedAt", "removedAt", "snapshotRef"])
    .where(sql<boolean>`task_id = any(${ids}::text[])`)
    .execute();
  const byTask = new Map(tasks.map(({ id }) => [id, [] as typeof worktrees]));
  for (const worktree of worktrees) byTask.get(worktree.taskId)?.push(worktree);
  return tasks.map((task) => ({ ...task, worktrees: byTask.get(task.id) ?? [] }));
}

/** Deletes a task's events, sessions and settled notifications. The rows of its receipt stay. */
export async function deleteRecords(
  tx: Tx,
  taskId: string,
): Promise<{ events: number; transcript: number }> {
  const events = await tx.deleteFrom("events").where("taskId", "=", taskId).executeTakeFirst();
  const transcript = await tx
    .deleteFrom("transcript")
    .where("sessionId", "in", (of) =>
      of.selectFrom("sessions").select("id").where("taskId", "=", taskId),
    )
    .executeTakeFirst();
  await tx.deleteFrom("sessions").where("taskId", "=", taskId).execute();
  await tx
    .deleteFrom("notifications")
    .where("taskId", "=", taskId)
    .where(sql<boolean>`(sent_at is not null or next_at = 'infinity')`)
    .execute();
  await tx
    .updateTable("attempts")
    .set({ logPath: null, sessionId: null })
    .where("taskId", "=", taskId)
    .execute();
  return {
    events: Number(events.numDeletedRows),
    transcript: Number(transcript.numDeletedRows),
  };
}

/** Forgets the snapshots of a task's attempts, and those of these removed worktrees. */
export async function forgetSnapshots(
  tx: Tx,
  taskId: string,
  { attempts, snapshots: worktreeIds }: Pick<Due, "attempts" | "snapshots">,
): Promise<void> {
  if (attempts)
    await tx
      .updateTable("attempts")
      .set({ snapshotRef: null })
      .where("taskId", "=", taskId)
      .execute();
  await tx
    .updateTable("worktrees")
    .set({ snapshotRef: null, snapshotCommit: null })
    .where(sql<boolean>`id = any(${[...worktreeIds]}::text[])`)
    .where("state", "=", "removed")
    .execute();
}

/** Whether a task of this mirror, or a subtask of it, holds a lease now. */
export async function isMirrorInUse(db: Db, mirror: string): Promise<boolean> {
  const { rows } = await sql<{ used: boolean }>`
    select exists (select from tasks t where t.preparation->>'mirror' = ${mirror}
      and (t.hold_kind = 'lease' or exists (
        select from subtasks s where s.task_id = t.id and s.hold_kind = 'lease'))) as used`.execute(
    db,
  );
  return rows[0]?.used ?? false;
}
