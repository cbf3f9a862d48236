import { z } from "zod";
import { cutText } from "../../clean-text.ts";
import { defineTool, type Tool } from "./tool.ts";

/** Ends the attempt with the agent's claim that it is done, and what it knows is not. */
export function makeFinishTool(): Tool {
  return defineTool({
    name: "finish",
    description: "End your work. Say what you did and, in not_done, what is missing or uncertain.",
    input: z.strictObject({
      summary: z.string().trim().min(1),
      not_done: z.string().optional(),
    }),
    about: ({ summary }) => summary,
    async run({ summary, not_done }) {
      const rest = not_done?.trim() ? `\n\nNot done: ${not_done.trim()}` : "";
      const text = cutText(summary, 8_000) + cutText(rest, 4_000);
      return { ok: true, text: "Finished.", end: { kind: "finished", summary: text } };
    },
  });
}
