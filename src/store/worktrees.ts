import { type Selectable, sql } from "kysely";
import { newId } from "../core/id.ts";
import { terminalTaskStates } from "../core/lifecycle.ts";
import type { Database, Db } from "./schema.ts";

/**
 * Worktrees that the daemon owns: one per subtask, kept across its attempts, removed only after a
 * snapshot. Each active one leases a range of ports, so that two of them never fight over 3000.
 */
export type WorktreeRow = Selectable<Database["worktrees"]>;

/** Ports per worktree, and where the ranges start. */
export const portsPerWorktree = 10;
const firstPort = 20_000;
const lastPort = 29_990;

/** The subtask's worktree row, made or revived, with a port range leased. */
export async function claimWorktree(
  db: Db,
  wanted: { taskId: string; subtaskId: string; mirror: string; path: string },
): Promise<WorktreeRow> {
  return db.transaction().execute(async (tx) => {
    // Locked: while it is being removed, this waits, and then finds it removed.
    const known = await tx
      .selectFrom("worktrees")
      .selectAll()
      .where("subtaskId", "=", wanted.subtaskId)
      .forUpdate()
      .executeTakeFirst();
    const portBase = known?.portBase ?? (await freePortBase(tx));
    if (known) {
      return tx
        .updateTable("worktrees")
        .set({
          state: "active",
          portBase,
          lastUsedAt: new Date(),
          removedAt: null,
          ...(known.state === "removed" ? { preparedFor: null } : {}),
        })
        .where("id", "=", known.id)
        .returningAll()
        .executeTakeFirstOrThrow();
    }
    return tx
      .insertInto("worktrees")
      .values({ id: newId("worktree"), ...wanted, state: "active", portBase })
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

async function freePortBase(db: Db): Promise<number | null> {
  // One at a time through the choice of ports; the unique index would refuse a double lease.
  await sql`select pg_advisory_xact_lock(hashtext('deputy ports'))`.execute(db);
  const { rows } = await sql<{ base: number }>`
    select base from generate_series(${firstPort}::int, ${lastPort}::int, ${portsPerWorktree}::int) base
    where not exists (select 1 from worktrees w where w.port_base = base) order by base limit 1`.execute(
    db,
  );
  return rows[0]?.base ?? null;
}

/** Setup ran for this commit in this worktree. */
export async function markPrepared(db: Db, id: string, commit: string): Promise<void> {
  await db.updateTable("worktrees").set({ preparedFor: commit }).where("id", "=", id).execute();
}

export async function listWorktreesOf(db: Db, taskId: string): Promise<WorktreeRow[]> {
  return db
    .selectFrom("worktrees")
    .selectAll()
    .where("taskId", "=", taskId)
    .orderBy("createdAt")
    .execute();
}

/**
 * Active worktrees of tasks that are over, newest first: beyond the newest `keep`, they may go.
 * One that a person had restored is being looked at, and stays for a day.
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

/**
 * Run `work` on a worktree that is there and whose task is over, while nobody can claim it: a retry
 * that comes at this moment waits. False when it is gone, or in use again.
 */
export async function withIdleWorktree(
  db: Db,
  id: string,
  work: (tx: Db, row: WorktreeRow) => Promise<void>,
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
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

/** Removed, after its snapshot: the ports go back, the snapshot is how `restore` finds it. */
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
