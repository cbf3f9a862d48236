import { sql } from "kysely";
import type { Task } from "../../core/task/task.ts";
import { readEach } from "../database/garbled.ts";
import { toTask } from "../database/rows.ts";
import type { Db } from "../database/schema.ts";

/** What the one comment on an issue says: a row for each issue that we comment on. */
export type UntoldStory = {
  task: Task;
  /** `owner/name#number` */
  target: string;
  /** When the task's row was changed, exactly: a Date keeps only milliseconds. */
  stamp: string;
  url: string | null;
  told: string | null;
  problem: string | null;
  failures: number;
};

/**
 * The latest task of each issue whose row changed since its comment was written. Older than a week
 * is left: what nobody could write by then is no news.
 */
export async function listUntold(db: Db, limit: number): Promise<UntoldStory[]> {
  const rows = await db
    .selectFrom("tasks as t")
    .leftJoin("stories as s", (join) => join.on(sql<boolean>`s.target = t.origin ->> 'replyTo'`))
    .selectAll("t")
    .select([
      sql<string>`t.origin ->> 'replyTo'`.as("target"),
      sql<string>`t.updated_at::text`.as("stamp"),
      "s.url",
      "s.told",
      "s.problem",
      sql<number>`coalesce(s.failures, 0)`.as("failures"),
    ])
    .where(sql<boolean>`(t.origin ->> 'tells') = 'true'`)
    .where(sql<boolean>`t.updated_at > now() - interval '7 days'`)
    .where(sql<boolean>`(s.told_at is null or s.told_at < t.updated_at)`)
    .where(sql<boolean>`(s.next_at is null or s.next_at <= now())`)
    .where(
      sql<boolean>`not exists (select 1 from tasks n where n.subject = t.subject
        and (n.origin ->> 'tells') = 'true' and (n.created_at, n.id) > (t.created_at, t.id))`,
    )
    .orderBy("t.updatedAt")
    .limit(limit)
    .execute();
  const { sound } = readEach(rows, ({ target, stamp, url, told, problem, failures, ...row }) => {
    return { task: toTask(row), target, stamp, url, told, problem, failures };
  });
  return sound; // a row that cannot be read is reported where its task is
}

/** Records what the comment says now, or why it could not be written. */
export async function markStory(
  db: Db,
  target: string,
  set: {
    url?: string;
    told?: string;
    /** The `stamp` of the task's row that was told. */
    toldAt?: string;
    problem: string | null;
    failures: number;
    nextAt?: Date;
  },
): Promise<void> {
  await db
    .insertInto("stories")
    .values({ target, ...set })
    .onConflict((conflict) => conflict.column("target").doUpdateSet(set))
    .execute();
}
