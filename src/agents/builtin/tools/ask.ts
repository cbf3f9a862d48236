import { z } from "zod";
import { choicesSchema } from "../../../core/attention/choices.ts";
import { cutText } from "../../../core/text/clean-text.ts";
import { defineTool, type Tool, ToolProblem } from "./tool.ts";

/** Ends the attempt with a question to a person; the answer comes with the next attempt's brief. */
export function makeAskTool(): Tool {
  return defineTool({
    name: "ask",
    effect: "talks",
    description:
      "Ask a person, and stop until they answer. Only for a decision that the task and the repository do not settle. Where a few answers are likely, offer 2 to 4 short `options`; the person may say something else.",
    input: z.strictObject({
      question: z.string().trim().min(1),
      options: z.array(z.string()).optional(),
    }),
    about: ({ question }) => question,
    async run({ options = [], question }) {
      const choices = options.length === 0 ? [] : readOptions(options);
      return {
        ok: true,
        text: "Asked.",
        end: { kind: "asked", question: cutText(question, 4_000), choices },
      };
    },
  });
}

/** A mistake goes back to the model: nothing was asked yet. */
function readOptions(options: readonly string[]): string[] {
  const read = choicesSchema.safeParse(options);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const which = issue?.path[0] === undefined ? "" : ` ${Number(issue.path[0]) + 1}`;
  throw new ToolProblem(`options${which}: ${issue?.message}; nothing was asked`);
}
