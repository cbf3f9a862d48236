import { type Selectable, sql } from "kysely";
import { newId } from "../../core/base/id.ts";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import { checkRow } from "../database/garbled.ts";
import type { Database, Db } from "../database/schema.ts";
import { inTransaction } from "../database/transaction.ts";

/**
 * Worktrees that the daemon owns: one per subtask, kept across its attempts, removed only after a
 * snapshot. Each active one leases a range of ports, so that no two compete for one.
 */
export type WorktreeRow = Selectable<Database["worktrees"]>;

/** Ports per worktree, and where the ranges start. */
export const portsPerWorktree = 10;
const firstPort = 20_000;
const lastPort = 29_990;
const ranges = (lastPort - firstPort) / portsPerWorktree + 1;

/**
 * Creates or revives the subtask's worktree row, with a leased port range. Waits while the worktree
 * is being removed. The port base is null when all ranges are taken.
 */
export async function claimWorktree(
  db: Db,
  wanted: { taskId: string; subtaskId: string; mirror: string; path: string },
): Promise<WorktreeRow> {
  const active = await db
    .updateTable("worktrees")
    .set({ lastUsedAt: sql`now()` })
    .where("subtaskId", "=", wanted.subtaskId)
    .where("state", "=", "active")
    .where("portBase", "is not", null)
    .returningAll()
    .executeTakeFirst();
  if (active) return active;
  for (let tries = 1; ; tries++) {
    try {
      return await upsertWorktree(db, wanted);
    } catch (error) {
      // Two callers chose the same range at once, and the unique index let one have it.
      const { code, constraint } = error as { code?: string; constraint?: string };
      const isPortTaken = code === "23505" && constraint === "worktrees_one_lease_per_port";
      if (!isPortTaken || tries === maxPortTries) throw error;
    }
  }
}

/** With a thousand ranges drawn at random, more than one try is rare. */
const maxPortTries = 10;

async function upsertWorktree(
  db: Db,
  wanted: { taskId: string; subtaskId: string; mirror: string; path: string },
): Promise<WorktreeRow> {
  // Usually one of a few random ranges is free; otherwise all are checked.
  const freePort = sql<number | null>`coalesce((
      select base from (
        select ${firstPort}::int + ${portsPerWorktree}::int * floor(random() * ${ranges}::int)::int as base
        from generate_series(1, 4)) drawn
      where not exists (select 1 from worktrees w where w.port_base = base) limit 1
    ), (
      select base from generate_series(${firstPort}::int, ${lastPort}::int, ${portsPerWorktree}::int) base
      where not exists (select 1 from worktrees w where w.port_base = base) order by random() limit 1))`;
  return db
    .insertInto("worktrees")
    .values({ id: newId("worktree"), ...wanted, state: "active", portBase: freePort })
    .onConflict((conflict) =>
      conflict.column("subtaskId").doUpdateSet({
        state: "active",
        portBase: sql`coalesce(worktrees.port_base, excluded.port_base)`,
        lastUsedAt: sql`now()`,
        removedAt: null,
        preparedFor: sql`case when worktrees.state = 'removed' then null else worktrees.prepared_for end`,
      }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Setup has to run again before the next attempt. */
export async function markUnprepared(db: Db, id: string): Promise<void> {
  await db.updateTable("worktrees").set({ preparedFor: null }).where("id", "=", id).execute();
}

/** Records that setup ran for this commit in this worktree. */
export async function markPrepared(db: Db, id: string, commit: string): Promise<void> {
  await db.updateTable("worktrees").set({ preparedFor: commit }).where("id", "=", id).execute();
}

export async function listWorktreesOf(db: Db, taskId: string): Promise<WorktreeRow[]> {
  return (await listWorktreeRows(db, taskId)).map(toWorktree);
}

export function toWorktree(row: WorktreeRow): WorktreeRow {
  return checkRow("worktrees", row.id, row);
}

export async function listWorktreeRows(db: Db, taskId: string): Promise<WorktreeRow[]> {
  return db
    .selectFrom("worktrees")
    .selectAll()
    .where("taskId", "=", taskId)
    .orderBy("createdAt")
    .execute();
}

/**
 * Active worktrees of finished tasks beyond the `keep` most recently used: they may be removed. One
 * that a person restored stays for a day.
 */
export async function listRemovableWorktrees(db: Db, keep: number): Promise<{ id: string }[]> {
  return db
    .selectFrom("worktrees")
    .select("worktrees.id")
    .innerJoin("tasks", "tasks.id", "worktrees.taskId")
    .where("worktrees.state", "=", "active")
    .where("tasks.state", "in", terminalTaskStates)
    .where((where) =>
      where.or([
        where("worktrees.snapshotRef", "is", null),
        where("worktrees.lastUsedAt", "<", sql<Date>`now() - interval '1 day'`),
      ]),
    )
    .orderBy("worktrees.lastUsedAt", "desc")
    .offset(keep)
    .execute();
}

export type FreeableWorktree = Pick<WorktreeRow, "id" | "taskId" | "subtaskId" | "mirror" | "path">;

/** Active worktrees of finished tasks, the longest unused first, without those that a person restored. */
export async function listFreeableWorktrees(db: Db): Promise<FreeableWorktree[]> {
  return db
    .selectFrom("worktrees")
    .select(["worktrees.id", "worktrees.taskId", "worktrees.subtaskId"])
    .select(["worktrees.mirror", "worktrees.path"])
    .innerJoin("tasks", "tasks.id", "worktrees.taskId")
    .where("worktrees.state", "=", "active")
    .where("worktrees.snapshotRef", "is", null)
    .where("tasks.state", "in", terminalTaskStates)
    .orderBy("worktrees.lastUsedAt")
    .execute();
}

/**
 * Runs `work` on an existing worktree of a finished task while nothing can claim it: a concurrent
 * retry waits. False when it is gone or in use again.
 */
export async function withIdleWorktree(
  db: Db,
  id: string,
  work: (tx: Db, row: WorktreeRow) => Promise<void>,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const row = await tx
      .selectFrom("worktrees")
      .selectAll("worktrees")
      .innerJoin("tasks", "tasks.id", "worktrees.taskId")
      .where("worktrees.id", "=", id)
      .where("worktrees.state", "=", "active")
      .where("tasks.state", "in", terminalTaskStates)
      .forUpdate("worktrees")
      .forShare("tasks")
      .executeTakeFirst();
    if (!row) return false;
    await work(tx, row);
    return true;
  });
}

/** Marks a worktree removed: its ports are free, and `restore` finds it by the snapshot. */
export async function markRemoved(
  db: Db,
  id: string,
  snapshot: { ref: string; commit: string },
): Promise<void> {
  await db
    .updateTable("worktrees")
    .set({
      state: "removed",
      portBase: null,
      removedAt: new Date(),
      snapshotRef: snapshot.ref,
      snapshotCommit: snapshot.commit,
    })
    .where("id", "=", id)
    .execute();
}

export async function markRestored(db: Db, id: string): Promise<void> {
  await db
    .updateTable("worktrees")
    .set({ state: "active", removedAt: null, lastUsedAt: new Date(), preparedFor: null })
    .where("id", "=", id)
    .execute();
}
