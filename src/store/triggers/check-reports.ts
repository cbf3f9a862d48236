import { sql } from "kysely";
import type { Task } from "../../core/task/task.ts";
import { readEach } from "../database/garbled.ts";
import { toTask } from "../database/rows.ts";
import type { Db } from "../database/schema.ts";

/** A task with something to report on a commit of a forge, and what was reported last. */
export type UntoldReport = {
  task: Task;
  /** When the task's row was changed, exactly: a Date keeps only milliseconds. */
  stamp: string;
  /** On which commit; null: none yet. */
  commit: string | null;
  /** Whether it says there that the work goes on. */
  isOpen: boolean;
  told: string | null;
  problem: string | null;
  failures: number;
};

/**
 * Tasks whose row changed since they were reported: those that delivered a pull request, and reviews of
 * a commit. Older than a week is left: what nobody could write by then is no news.
 */
export async function listUnreported(db: Db, limit: number): Promise<UntoldReport[]> {
  const rows = await db
    .selectFrom("tasks as t")
    .leftJoin("checkReports as r", "r.taskId", "t.id")
    .selectAll("t")
    .select([
      sql<string>`t.updated_at::text`.as("stamp"),
      "r.commit",
      sql<boolean>`coalesce(r.is_open, false)`.as("isOpen"),
      "r.told",
      "r.problem",
      sql<number>`coalesce(r.failures, 0)`.as("failures"),
    ])
    .where(
      sql<boolean>`((t.delivered_commit is not null and t.delivery = 'pr' and t.delivery_url is not null)
        or (t.delivery = 'comment' and t.base ~ '^[0-9a-f]{40}$' and t.origin ->> 'replyTo' is not null))`,
    )
    .where(sql<boolean>`t.updated_at > now() - interval '7 days'`)
    .where(sql<boolean>`(r.told_at is null or r.told_at < t.updated_at)`)
    .where(sql<boolean>`(r.next_at is null or r.next_at <= now())`)
    .orderBy("t.updatedAt")
    .limit(limit)
    .execute();
  const { sound } = readEach(rows, ({ stamp, commit, isOpen, told, problem, failures, ...row }) => {
    return { task: toTask(row), stamp, commit, isOpen, told, problem, failures };
  });
  return sound; // a row that cannot be read is reported where its task is
}

/** Records what is reported now, or why it could not be. */
export async function markReported(
  db: Db,
  taskId: string,
  set: {
    commit?: string;
    isOpen?: boolean;
    told?: string;
    /** The `stamp` of the task's row that was told. */
    toldAt?: string;
    problem: string | null;
    failures: number;
    nextAt?: Date;
  },
): Promise<void> {
  await db
    .insertInto("checkReports")
    .values({ taskId, ...set })
    .onConflict((conflict) => conflict.column("taskId").doUpdateSet(set))
    .execute();
}
