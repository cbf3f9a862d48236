import type { Selectable } from "kysely";
import type { NewQuestion } from "../../core/ledger/task-ledger.ts";
import type { QuestionKind } from "../../core/task/question.ts";
import { checkRow } from "../database/garbled.ts";
import { json } from "../database/open.ts";
import type { Database, Db, Tx } from "../database/schema.ts";

/** Questions to a person: from an agent about its subtask, or an approval of a whole task. */
export async function insertQuestion(
  tx: Tx,
  { choices = [], ...question }: NewQuestion,
): Promise<void> {
  await tx
    .insertInto("questions")
    .values({ ...question, choices: json(choices) })
    .execute();
}

export async function listQuestions(db: Db | Tx, taskId: string) {
  return (await listQuestionRows(db, taskId)).map(toQuestion);
}

export function toQuestion(row: Selectable<Database["questions"]>) {
  return checkRow("questions", row.id, row);
}

export async function listQuestionRows(db: Db | Tx, taskId: string) {
  return db
    .selectFrom("questions")
    .selectAll()
    .where("taskId", "=", taskId)
    .orderBy("askedAt")
    .execute();
}

export async function listOpenQuestions(db: Db | Tx, taskId: string) {
  return (await listQuestions(db, taskId)).filter(({ answeredAt }) => answeredAt === null);
}

export async function setAnswer(tx: Tx, id: string, answer: string): Promise<void> {
  await tx
    .updateTable("questions")
    .set({ answer, answeredAt: new Date() })
    .where("id", "=", id)
    .execute();
}

/** The kind of a question that nobody has answered, or null. */
export async function findOpenQuestion(db: Db, id: string): Promise<QuestionKind | null> {
  const row = await db
    .selectFrom("questions")
    .select("kind")
    .where("id", "=", id)
    .where("answer", "is", null)
    .executeTakeFirst();
  return row?.kind ?? null;
}
