import { sql } from "kysely";
import type { Task } from "../../core/task/task.ts";
import { toTask } from "../database/rows.ts";
import type { Db } from "../database/schema.ts";

/**
 * Finds tasks by what they are about outside, and by what was said there. `changesOnly`: no reviews.
 */
export async function findTaskAbout(
  db: Db,
  about: { subject: string; pullUrl: string | null; changesOnly: boolean },
): Promise<Task | null> {
  const { changesOnly, pullUrl, subject } = about;
  const isDelivered = sql<boolean>`(delivery_url = ${pullUrl} and delivery <> 'comment')`;
  const row = await db
    .selectFrom("tasks")
    .selectAll()
    .where(sql<boolean>`(subject = ${subject} or ${isDelivered})`)
    .where(sql<boolean>`(expects_change or ${!changesOnly})`)
    .orderBy(sql`state in ('completed', 'failed', 'cancelled')`)
    .orderBy(sql`${isDelivered} is true`, "desc")
    .orderBy("createdAt", "desc")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? toTask(row) : null;
}

/** The task that was created with this idempotency key, if there is one. */
export async function findTaskByKey(db: Db, key: string): Promise<Task | null> {
  const row = await db
    .selectFrom("tasks")
    .innerJoin("idempotencyKeys as k", "k.taskId", "tasks.id")
    .selectAll("tasks")
    .where("k.key", "=", key)
    .executeTakeFirst();
  return row ? toTask(row) : null;
}

/** Whether a command from outside with this key has changed the task. */
export async function isCommandRecorded(db: Db, taskId: string, key: string): Promise<boolean> {
  const row = await db
    .selectFrom("events")
    .select("id")
    .where("taskId", "=", taskId)
    .where("type", "=", "task.commanded")
    .where(sql<boolean>`data ->> 'key' = ${key}`)
    .executeTakeFirst();
  return row !== undefined;
}

/** Tasks whose pull requests in a repository of that name, on any forge, nobody has decided on, the oldest first. */
export async function listOpenPulls(db: Db, repository: string, limit = 100): Promise<Task[]> {
  const rows = await db
    .selectFrom("tasks")
    .selectAll()
    .where("state", "=", "completed")
    .where("deliveryUrl", "is not", null)
    .where("delivery", "<>", "comment")
    .where("acceptedAt", "is", null)
    .where("discardedAt", "is", null)
    .where("rolledBackAt", "is", null)
    .where(isIn(repository))
    .orderBy("createdAt")
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map(toTask);
}

/** A repository may be stored under any of its URLs; which forge it is on, these do not tell. */
function isIn(repository: string) {
  const name = repository.toLowerCase();
  return sql<boolean>`right(regexp_replace(lower(repository), '(\\.git)?/*$', ''), ${name.length + 1}) in (${`/${name}`}, ${`:${name}`})`;
}

/**
 * The tasks that delivered a pull request from this branch of a repository of that name, on any forge,
 * the latest first; where no branch is known, those that delivered this commit.
 */
export async function listTasksOfBranch(
  db: Db,
  repository: string,
  { branch, commit }: { branch: string | null; commit: string },
  limit = 100,
): Promise<Task[]> {
  const rows = await db
    .selectFrom("tasks")
    .selectAll()
    .where(branch === null ? "deliveredCommit" : "branch", "=", branch ?? commit)
    .where("deliveryUrl", "is not", null)
    .where("delivery", "<>", "comment")
    .where(isIn(repository))
    .orderBy("createdAt", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
  return rows.map(toTask);
}
