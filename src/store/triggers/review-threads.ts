import { sql } from "kysely";
import type { NewReview } from "../../core/forge/review-thread.ts";
import type { Task } from "../../core/task/task.ts";
import type { Db } from "../database/schema.ts";

/** The threads of reviews of pull requests of ours, until each has its one reply. */
export async function keepThreads(
  db: Db,
  taskId: string,
  { commentIds, place, reviewId }: NewReview,
): Promise<string[]> {
  const mine = async () =>
    db.selectFrom("reviewThreads").selectAll().where("taskId", "=", taskId).execute();
  const before = await mine();
  // Labels go on counting: work that has two reviews before it tells them apart.
  const rows = commentIds.map((commentId, index) => ({
    ...{ taskId, reviewId, place, label: `T${before.length + index + 1}` },
    commentId: commentId === null ? null : String(commentId),
  }));
  const isKnown = before.some((row) => row.reviewId === reviewId);
  if (!isKnown && rows.length > 0) await db.insertInto("reviewThreads").values(rows).execute();
  const now = isKnown ? before : await mine();
  return commentIds.map((id) => {
    const own = now.find(
      (row) => row.reviewId === reviewId && row.commentId === (id === null ? null : String(id)),
    );
    return own?.label ?? "";
  });
}

export type UnansweredThread = Pick<Task, "deliveredCommit"> & {
  taskId: string;
  label: string;
  reviewId: string;
  place: string;
  commentId: string | null;
  failures: number;
  /** What the attempt said that had the review and was merged. */
  summary: string | null;
  hasChanged: boolean;
};

/** Threads whose review was worked on and delivered, and that have no reply. */
export async function listUnanswered(db: Db, limit: number): Promise<UnansweredThread[]> {
  return db
    .selectFrom("reviewThreads as r")
    .innerJoin("tasks as t", "t.id", "r.taskId")
    .innerJoin("messages as m", (join) =>
      join.onRef("m.taskId", "=", "r.taskId").on(sql<boolean>`m.key = 'review:' || r.review_id`),
    )
    .innerJoin("attempts as a", "a.id", "m.doneBy")
    .select(["r.taskId", "r.label", "r.reviewId", "r.place", "r.commentId", "r.failures"])
    .select(["t.deliveredCommit", "a.summary"])
    .select(sql<boolean>`a.commit is distinct from a.base_commit`.as("hasChanged"))
    .where("r.repliedAt", "is", null)
    .where("r.nextAt", "<=", sql<Date>`now()`)
    .where("t.state", "=", "completed")
    .orderBy("r.nextAt")
    .limit(limit)
    .execute();
}

export async function markAnswered(
  db: Db,
  { label, taskId }: Pick<UnansweredThread, "label" | "taskId">,
): Promise<void> {
  await db
    .updateTable("reviewThreads")
    .set({ repliedAt: sql<Date>`now()` })
    .where("taskId", "=", taskId)
    .where("label", "=", label)
    .execute();
}

/** It is tried again then. */
export async function postponeAnswer(
  db: Db,
  { label, taskId }: Pick<UnansweredThread, "label" | "taskId">,
  nextAt: Date,
): Promise<void> {
  await db
    .updateTable("reviewThreads")
    .set({ nextAt, failures: sql<number>`failures + 1` })
    .where("taskId", "=", taskId)
    .where("label", "=", label)
    .execute();
}
