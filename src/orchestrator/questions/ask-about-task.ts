import { newId } from "../../core/base/id.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { QuestionKind } from "../../core/task/question.ts";
import type { Task } from "../../core/task/task.ts";
import type { Announce } from "../transitions/announce.ts";

/** Asks a person about the whole of a task, which waits for the answer. */
export async function askAboutTask(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  { choices = [], kind, text }: { kind: QuestionKind; text: string; choices?: string[] },
): Promise<void> {
  const questionId = newId("question");
  await ledger.insertQuestion({
    id: questionId,
    taskId: task.id,
    subtaskId: null,
    kind,
    text,
    choices,
  });
  const hold = { kind: "question", questionId } as const;
  const asking = await ledger.moveTask(task, "waiting", hold, { stageFailures: 0 });
  await announce(ledger, asking, {
    type: "question.asked",
    message: `Question: ${text}`,
    data: { question_id: questionId, question: text, kind, choices },
  });
}
