import { json } from "./open.ts";
import type { Db } from "./schema.ts";

/** What was answered when somebody was asked about an attempt's work; the first answer stands. */
export type ReviewKey = { attemptId: string; kind: "review" | "judge" | "arbiter"; seat: number };

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

/** Keep an answer. Returns the one that is kept: another's, where that was faster. */
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

/** What a person answered about an attempt's open findings, when there was such a question. */
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
