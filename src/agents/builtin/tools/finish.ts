import { z } from "zod";
import { writeNotDone } from "../../../core/review/not-done.ts";
import { cutText } from "../../../core/text/clean-text.ts";
import type { ReadAnswer } from "../output-schema.ts";
import { defineTool, type Tool, type ToolAnswer } from "./tool.ts";

/** Ends the attempt with the agent's claim that it is done, and what it says is missing. */
export function makeFinishTool(): Tool {
  return defineTool({
    name: "finish",
    effect: "talks",
    description:
      "End your work. Say what you did and, in not_done, what is missing or uncertain. nothing_to_do: true only where no file had to change, because what was asked for was there already; the summary says how you know.",
    input: z.strictObject({
      summary: z.string().trim().min(1),
      not_done: z.string().optional(),
      nothing_to_do: z.boolean().optional(),
    }),
    about: ({ summary }) => summary,
    async run({ summary, not_done, nothing_to_do: nothingToDo = false }) {
      const rest = writeNotDone(not_done?.trim() ?? "");
      const text = cutText(summary, 8_000) + cutText(rest, 4_000);
      return { ok: true, text: "Finished.", end: { kind: "finished", summary: text, nothingToDo } };
    },
  });
}

/** Validates answers against a schema; the second invalid one ends the attempt. */
export function takeAnswers(read: ReadAnswer): (value: unknown) => ToolAnswer {
  let refused = 0;
  return (value) => {
    const answer = read(value);
    if (answer.ok) {
      const { summary } = (answer.output ?? {}) as { summary?: unknown };
      const words = typeof summary === "string" ? cutText(summary, 8_000) : null;
      const end = { kind: "finished", summary: words, output: answer.output } as const;
      return { ok: true, text: "Taken.", end };
    }
    if (++refused === 1) {
      const text = `Error: the answer does not fit its schema: ${answer.problem}. Send the whole answer once more; a second one that does not fit ends your work`;
      return { ok: false, text };
    }
    const detail = `the answer did not fit its schema, twice: ${answer.problem}`;
    return { ok: false, text: "Error: it does not fit.", end: { kind: "failed", detail } };
  };
}

/** Ends the attempt with an answer by `schema`, which is the call's arguments. */
export function makeAnswerTool(
  schema: Record<string, unknown>,
  take: (value: unknown) => ToolAnswer,
): Tool {
  const isObject = schema.type === "object";
  const parameters = isObject
    ? schema
    : { type: "object", properties: { answer: schema }, required: ["answer"] };
  return {
    name: "finish",
    effect: "talks",
    description: "Give your answer. This ends your work.",
    parameters,
    prepare: (value) => ({
      about: "the answer",
      run: async () => take(isObject ? value : (value as { answer?: unknown } | null)?.answer),
    }),
  };
}
