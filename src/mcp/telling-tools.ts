import { z } from "zod";
import { tellState } from "../api/task/tell-state.ts";
import { defineMcpTool, type McpTool, refuse } from "./define-tool.ts";
import { oneLine } from "./describe-task.ts";
import { makeSubmitSchema, taskId } from "./input-schemas.ts";
import type { ToolsOptions } from "./tools.ts";

/**
 * The tools that change something: submit, answer, cancel. A delegating agent can do what its user
 * could, but decides nothing that a person was asked to decide.
 */
export function makeTellingTools({ api, defaultRepository }: ToolsOptions): McpTool[] {
  const { explain } = api;
  const deed = { readOnlyHint: false, destructiveHint: false, idempotentHint: false };
  return [
    defineMcpTool({
      name: "submit",
      title: "Delegate a task",
      description:
        "Hand a coding task to Deputy, to be worked on in the background. Returns a task id at once; the verified work is delivered later on a branch of its own.",
      input: makeSubmitSchema(defaultRepository),
      annotations: deed,
      explain,
      async run({ idempotency_key, repository = defaultRepository ?? "", ...input }) {
        const task = await api.submit({ ...input, repository }, idempotency_key ?? null);
        return {
          ok: true,
          text: `${task.id} is ${task.state}. It runs by itself and is delivered on a branch in ${task.repository}; ask status or why with this id.`,
          data: { task_id: task.id, state: task.state, repository: task.repository },
        };
      },
    }),
    defineMcpTool({
      name: "answer",
      title: "Answer a question",
      description:
        "Answer the question that an agent of a task asked, when the user or the repository settles it. Approvals, budgets and pauses are for a person to decide and are refused.",
      input: z.strictObject({
        task_id: taskId,
        answer: z
          .string()
          .min(1)
          .max(64_000)
          .describe("In words, or the number of one of its choices."),
        question_id: z
          .string()
          .min(1)
          .max(100)
          .optional()
          .describe("Which one, when several are open."),
      }),
      annotations: deed,
      explain,
      async run({ task_id, answer, question_id }) {
        const { task, questions } = await api.show(task_id);
        const open = questions.filter((question) => question.answer === null);
        const meant = open.filter(({ id }) => question_id === undefined || id === question_id);
        const question = meant.find(({ kind }) => kind === "question");
        if (!question) return refuse(explainNoQuestion(task.id, meant, question_id));
        if (question_id === undefined && meant.length > 1) {
          const list = meant.map(({ id, text }) => `${id}: ${oneLine(text, 200)}`).join("; ");
          return refuse(`${task.id} has ${meant.length} open questions; name one (${list}).`);
        }
        // By its id: the answer goes to the question that was read, whatever was asked meanwhile.
        const after = await api.answer(task.id, answer, question.id);
        return {
          ok: true,
          text: `Answered; ${tellState(after)}.`,
          data: { task_id: after.id, state: after.state, question_id: question.id },
        };
      },
    }),
    defineMcpTool({
      name: "cancel",
      title: "Cancel a task",
      description: "Stop a task. What it did so far is kept and can be restored.",
      input: z.strictObject({ task_id: taskId }),
      annotations: { ...deed, destructiveHint: true, idempotentHint: true },
      explain,
      async run({ task_id }) {
        const { id, state } = await api.cancel(task_id);
        const what =
          state === "cancelled" ? "is cancelled" : "is asked to stop; what it did so far is kept";
        return { ok: true, text: `${id} ${what}.`, data: { task_id: id, state } };
      },
    }),
  ];
}

function explainNoQuestion(
  taskId: string,
  meant: readonly { kind: string; text: string }[],
  questionId: string | undefined,
): string {
  const [decision] = meant;
  if (decision) {
    return `What ${taskId} waits for is ${decision.kind === "approval" ? "an approval" : `a decision (${decision.kind})`}, which only a person can give; ask the user to run: deputy answer ${taskId}`;
  }
  return questionId === undefined
    ? `${taskId} has no open question.`
    : `${taskId} has no open question ${questionId}.`;
}
