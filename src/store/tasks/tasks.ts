import { sql } from "kysely";
import type { Event } from "../../core/task/event.ts";
import type { TaskState } from "../../core/task/lifecycle.ts";
import type { Attempt, Subtask, Task } from "../../core/task/task.ts";
import { readEach } from "../database/garbled.ts";
import { toAttempt, toReadableEvent, toSubtask, toTask } from "../database/rows.ts";
import type { Db, Tx } from "../database/schema.ts";

/** Reads tasks and what belongs to them. */
export async function getTask(db: Db | Tx, id: string): Promise<Task | null> {
  const row = await db.selectFrom("tasks").selectAll().where("id", "=", id).executeTakeFirst();
  return row ? toTask(row) : null;
}

/** Reads only the state, whose values the database constrains. */
export async function getState(db: Db, id: string): Promise<TaskState | null> {
  const row = await db.selectFrom("tasks").select("state").where("id", "=", id).executeTakeFirst();
  return row?.state ?? null;
}

/** Ids that start with `prefix`, at most two: enough to tell none, one and several apart. */
export async function findTaskIds(db: Db, prefix: string): Promise<string[]> {
  const rows = await db
    .selectFrom("tasks")
    .select("id")
    .where("id", "like", `${prefix.replace(/[\\%_]/g, "\\$&")}%`)
    .limit(2)
    .execute();
  return rows.map((row) => row.id);
}

/** The newest of all; null: there is none. */
export async function findNewestTaskId(db: Db): Promise<string | null> {
  const row = await db
    .selectFrom("tasks")
    .select("id")
    .orderBy("createdAt", "desc")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? null;
}

export async function getSubtask(db: Db | Tx, id: string): Promise<Subtask | null> {
  const row = await db.selectFrom("subtasks").selectAll().where("id", "=", id).executeTakeFirst();
  return row ? toSubtask(row) : null;
}

export async function listSubtasks(db: Db | Tx, taskId: string): Promise<Subtask[]> {
  return (await listSubtaskRows(db, taskId)).map(toSubtask);
}

export async function listSubtaskRows(db: Db | Tx, taskId: string) {
  return db
    .selectFrom("subtasks")
    .selectAll()
    .where("taskId", "=", taskId)
    .orderBy("position")
    .execute();
}

export async function getAttempt(db: Db | Tx, id: string): Promise<Attempt | null> {
  const row = await db.selectFrom("attempts").selectAll().where("id", "=", id).executeTakeFirst();
  return row ? toAttempt(row) : null;
}

/** Attempts of a task, or of one subtask, oldest first. */
export async function listAttempts(
  db: Db | Tx,
  of: { taskId: string } | { subtaskId: string },
): Promise<Attempt[]> {
  return (await listAttemptRows(db, of)).map(toAttempt);
}

export async function listAttemptRows(db: Db | Tx, of: { taskId: string } | { subtaskId: string }) {
  const select = db.selectFrom("attempts").selectAll();
  return (
    "taskId" in of
      ? select.where("taskId", "=", of.taskId)
      : select.where("subtaskId", "=", of.subtaskId)
  )
    .orderBy("startedAt")
    .orderBy("number")
    .execute();
}

export async function listEvents(
  db: Db,
  taskId: string,
  afterSeq: number,
  limit: number,
): Promise<Event[]> {
  const rows = await db
    .selectFrom("events")
    .selectAll()
    .where("taskId", "=", taskId)
    .where("seq", ">", String(afterSeq))
    .orderBy("seq")
    .limit(limit)
    .execute();
  return rows.map(toReadableEvent);
}

/** The task's latest events, oldest first. */
export async function listLastEvents(db: Db, taskId: string, limit: number): Promise<Event[]> {
  const rows = await db
    .selectFrom("events")
    .selectAll()
    .where("taskId", "=", taskId)
    .orderBy("seq", "desc")
    .limit(limit)
    .execute();
  return rows.reverse().map(toReadableEvent);
}

export async function countByState(
  db: Db,
): Promise<{ tasks: Record<string, number>; subtasks: Record<string, number> }> {
  return { tasks: await countStates(db), subtasks: await countStates(db, "subtasks") };
}

/** How many tasks, or subtasks, are in each state that some are in. */
export async function countStates(
  db: Db,
  table: "tasks" | "subtasks" = "tasks",
): Promise<Record<string, number>> {
  const rows = await db
    .selectFrom(table)
    .select(["state", sql<number>`count(*)::int`.as("n")])
    .groupBy("state")
    .execute();
  return Object.fromEntries(rows.map((row) => [row.state, row.n]));
}

/** Counts outbox rows that are ten seconds overdue, and unsent notifications. */
export async function countOverdue(db: Db): Promise<{ outbox: number; notifications: number }> {
  const { rows } = await sql<{ outbox: number; notifications: number }>`select
    (select count(*)::int from outbox where available_at < now() - interval '10 seconds') as outbox,
    (select count(*)::int from notifications where sent_at is null and isfinite(next_at)) as notifications`.execute(
    db,
  );
  return rows[0] ?? { outbox: 0, notifications: 0 };
}

export async function ping(db: Db): Promise<void> {
  await sql`select 1`.execute(db);
}

/** Whether the database is there, so that what it refused was refused for another reason. */
export function isAnswering(db: Db): Promise<boolean> {
  return ping(db).then(
    () => true,
    () => false,
  );
}

/** The first task that had to comment on an issue or pull request, and the latest comment's URL. */
export async function findFirstComment(
  db: Db,
  replyTo: string,
): Promise<{ taskId: string | null; url: string | null }> {
  const rows = await db
    .selectFrom("tasks")
    .select(["id", "deliveryUrl"])
    .where("delivery", "=", "comment")
    .where(sql<boolean>`origin ->> 'replyTo' = ${replyTo}`)
    .orderBy("createdAt")
    .orderBy("id")
    .execute();
  const url = rows.findLast(({ deliveryUrl }) => deliveryUrl !== null)?.deliveryUrl ?? null;
  return { taskId: rows[0]?.id ?? null, url };
}

/** The active task of a subject, if there is one. */
export async function findActiveTask(db: Db | Tx, subject: string): Promise<string | null> {
  const row = await db
    .selectFrom("tasks")
    .select("id")
    .where("subject", "=", subject)
    .where("state", "not in", ["completed", "failed", "cancelled"])
    .executeTakeFirst();
  return row?.id ?? null;
}

/** The latest task that was to change something for a subject, and whether it has subtasks. */
export async function findLatestTask(
  db: Db,
  subject: string,
): Promise<{ task: Task; wasBegun: boolean } | null> {
  const row = await db
    .selectFrom("tasks")
    .selectAll()
    .where("subject", "=", subject)
    .where("expectsChange", "=", true)
    .orderBy("createdAt", "desc")
    .orderBy("id", "desc")
    .executeTakeFirst();
  if (!row) return null;
  const task = toTask(row);
  return { task, wasBegun: (await listSubtaskRows(db, task.id)).length > 0 };
}

/** The active task that delivered this pull request before, if there is one. */
export async function findDeliverer(db: Db, deliveryUrl: string): Promise<string | null> {
  const row = await db
    .selectFrom("tasks")
    .select("id")
    .where("deliveryUrl", "=", deliveryUrl)
    .where("delivery", "<>", "comment")
    .where("state", "not in", ["completed", "failed", "cancelled"])
    .executeTakeFirst();
  return row?.id ?? null;
}

/** The completed task that delivered this pull request and waits for a decision on it, if there is one. */
export async function findUndecided(db: Db, deliveryUrl: string): Promise<Task | null> {
  const row = await selectUndecided(db).where("deliveryUrl", "=", deliveryUrl).executeTakeFirst();
  return row ? toTask(row) : null;
}

/** Tasks that wait for a decision on what they delivered, and ended so many days ago at most; the latest first. */
export async function listUndecided(db: Db, days: number, limit: number): Promise<Task[]> {
  const rows = await selectUndecided(db)
    .where("endedAt", ">", sql<Date>`now() - make_interval(days => ${days})`)
    .orderBy("endedAt", "desc")
    .limit(limit)
    .execute();
  return readEach(rows, toTask).sound; // a row that cannot be read is reported where its task is
}

/** How many such tasks ended before that. */
export async function countUndecided(db: Db, days: number): Promise<number> {
  const row = await selectUndecided(db)
    .clearSelect()
    .select(({ fn }) => fn.countAll<string>().as("count"))
    .where("endedAt", "<=", sql<Date>`now() - make_interval(days => ${days})`)
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}

/** What tasks of the last days started from, each pair once, the latest first; bases are as they were given. */
export async function listRecentBases(
  db: Db,
  days: number,
  limit: number,
): Promise<{ repository: string; base: string | null }[]> {
  return db
    .selectFrom("tasks")
    .select(["repository", "base"])
    .where("expectsChange", "=", true)
    .where("createdAt", ">", sql<Date>`now() - make_interval(days => ${days})`)
    .groupBy(["repository", "base"])
    .orderBy(sql`max(created_at)`, "desc")
    .limit(limit)
    .execute();
}

function selectUndecided(db: Db) {
  return db
    .selectFrom("tasks")
    .selectAll()
    .where("state", "=", "completed")
    .where("branch", "is not", null)
    .where("acceptedAt", "is", null)
    .where("rolledBackAt", "is", null)
    .where("discardedAt", "is", null);
}
