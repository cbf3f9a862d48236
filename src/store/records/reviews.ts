import { isBudgetRefusal } from "../../core/budget/budget.ts";
import { json } from "../database/open.ts";
import type { Db, Tx } from "../database/schema.ts";

/** Answers of reviewers and judges about an attempt's work; the first answer stands. */
export type ReviewKey = {
  attemptId: string;
  kind: "review" | "judge" | "arbiter" | "judge_changes";
  seat: number;
};

export type StoredAnswer = { agent: string; output: unknown; problem: string | null };

export async function getAnswer(db: Db, key: ReviewKey): Promise<StoredAnswer | null> {
  const row = await db
    .selectFrom("reviews")
    .select(["agent", "output", "problem"])
    .where("attemptId", "=", key.attemptId)
    .where("kind", "=", key.kind)
    .where("seat", "=", key.seat)
    .executeTakeFirst();
  return row ?? null;
}

/** Stores an answer. Returns the stored one: another process's, if that was faster. */
export async function keepAnswer(
  db: Db,
  key: ReviewKey,
  answer: StoredAnswer,
): Promise<StoredAnswer> {
  const { agent, output, problem } = answer;
  await db
    .insertInto("reviews")
    .values({ ...key, agent, problem, output: problem === null ? json(output) : null })
    .onConflict((c) => c.doNothing())
    .execute();
  return (await getAnswer(db, key)) ?? answer;
}

/**
 * Forgets requests about a subtask's work that got no answer, so that they are sent again when a
 * person wishes so. Answers stand.
 */
export async function forgetUnanswered(tx: Tx, subtaskId: string): Promise<void> {
  await tx
    .deleteFrom("reviews")
    .where("problem", "is not", null)
    .where((where) =>
      where(
        "attemptId",
        "in",
        where.selectFrom("attempts").select("id").where("subtaskId", "=", subtaskId),
      ),
    )
    .execute();
}

/** A person's answer about an attempt's open findings; null without such a question or answer. */
export async function getReviewVerdictOfPerson(
  db: Db,
  subtaskId: string,
  since: Date,
): Promise<string | null> {
  const row = await db
    .selectFrom("questions")
    .select("answer")
    .where("subtaskId", "=", subtaskId)
    .where("kind", "=", "review")
    .where("answeredAt", ">", since)
    .orderBy("answeredAt", "desc")
    .executeTakeFirst();
  return row?.answer ?? null;
}

/** Whether a person was asked for more budget since, and granted none. */
export async function wasBudgetRefused(db: Db, taskId: string, since: Date): Promise<boolean> {
  const row = await db
    .selectFrom("questions")
    .select("answer")
    .where("taskId", "=", taskId)
    .where("kind", "=", "budget")
    .where("answeredAt", ">", since)
    .orderBy("answeredAt", "desc")
    .executeTakeFirst();
  return row?.answer != null && isBudgetRefusal(row.answer);
}
