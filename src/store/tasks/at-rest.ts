import { sql } from "kysely";
import type { Task } from "../../core/task/task.ts";
import { readEach } from "../database/garbled.ts";
import { toSubtask, toTask } from "../database/rows.ts";
import type { Db } from "../database/schema.ts";
import { toQuestion } from "./questions.ts";
import { countUndecided, listUndecided } from "./tasks.ts";

/** Tasks in which nothing happens before a person does something. Rows that cannot be read are left out. */
const limit = 200;

/** Those with open questions, with all of their questions and subtasks; who waits longest first. */
export async function listWaiting(db: Db) {
  const open = db
    .selectFrom("questions")
    .select("taskId")
    .where("answeredAt", "is", null)
    .groupBy("taskId");
  const rows = await db
    .selectFrom("tasks")
    .selectAll()
    .where("id", "in", open)
    .where("state", "not in", ["completed", "failed", "cancelled"])
    .orderBy("createdAt")
    .limit(limit)
    .execute();
  const tasks = readEach(rows, toTask).sound;
  if (tasks.length === 0) return [];
  const ids = tasks.map(({ id }) => id);
  const [subtaskRows, questionRows] = await Promise.all([
    db.selectFrom("subtasks").selectAll().where("taskId", "in", ids).orderBy("position").execute(),
    db.selectFrom("questions").selectAll().where("taskId", "in", ids).orderBy("askedAt").execute(),
  ]);
  const subtasks = readEach(subtaskRows, toSubtask).sound;
  const questions = readEach(questionRows, toQuestion).sound;
  return tasks.map((task) => ({
    task,
    subtasks: subtasks.filter(({ taskId }) => taskId === task.id),
    questions: questions.filter(({ taskId }) => taskId === task.id),
  }));
}

/** Delivered work without a decision, and failed work, that ended so many days ago at most; with how many ended before. */
export async function listEnded(
  db: Db,
  days: { ready: number; failed: number },
): Promise<{ undecided: Task[]; failed: Task[]; archived: { ready: number; failed: number } }> {
  const since = sql<Date>`now() - make_interval(days => ${days.failed})`;
  const failed = db
    .selectFrom("tasks")
    .where("state", "=", "failed")
    .where("discardedAt", "is", null);
  const [undecided, rows, ready, old] = await Promise.all([
    listUndecided(db, days.ready, limit),
    failed
      .selectAll()
      .where("endedAt", ">", since)
      .orderBy("endedAt", "desc")
      .limit(limit)
      .execute(),
    countUndecided(db, days.ready),
    failed
      .select(({ fn }) => fn.countAll<string>().as("count"))
      .where("endedAt", "<=", since)
      .executeTakeFirst(),
  ]);
  return {
    undecided,
    failed: readEach(rows, toTask).sound,
    archived: { ready, failed: Number(old?.count ?? 0) },
  };
}
