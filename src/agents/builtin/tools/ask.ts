import { z } from "zod";
import { cutText } from "../../../core/text/clean-text.ts";
import { defineTool, type Tool } from "./tool.ts";

/** Ends the attempt with a question to a person; the answer comes with the next attempt's brief. */
export function makeAskTool(): Tool {
  return defineTool({
    name: "ask",
    effect: "talks",
    description:
      "Ask a person, and stop until they answer. Only for a decision that the task and the repository do not settle.",
    input: z.strictObject({ question: z.string().trim().min(1) }),
    about: ({ question }) => question,
    async run({ question }) {
      return {
        ok: true,
        text: "Asked.",
        end: { kind: "asked", question: cutText(question, 4_000) },
      };
    },
  });
}
