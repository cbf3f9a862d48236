import { z } from "zod";
import { readChoices } from "../../core/attention/choices.ts";

/**
 * Texts for programs without a tool for questions: what is added to the brief, how a question is
 * read from the last message, and the brief for a new session that replaces a lost one.
 */
export const howToAsk = `
# If you cannot go on

When only a person can decide something that you need to know, stop, and make the last line of your
last message this JSON object: {"question": "..."}. Where a few answers are likely, offer 2 to 4 short
ones: {"question": "...", "options": ["...", "..."]}. Nobody answers anything else that you ask.
`;

const questionSchema = z.object({
  question: z.string().trim().min(1).max(4_000),
  options: z.unknown().optional(),
});

/** The question that a last message ends with, with the answers it offers, or null. */
export function readQuestion(answer: string): { question: string; choices: string[] } | null {
  const line = answer.trimEnd().split("\n").at(-1)?.trim() ?? "";
  if (!line.startsWith("{") || !line.endsWith("}")) return null;
  try {
    const said = questionSchema.safeParse(JSON.parse(line)).data;
    return said ? { question: said.question, choices: readChoices(said.options) } : null;
  } catch {
    return null;
  }
}

const toldSchema = z.object({ told: z.string() });
const answeredSchema = z.object({ answered: z.string() });

/** The brief to replace a lost session: its messages, its last answer, and `brief`. */
export function writeBriefing(entries: readonly unknown[], brief: string): string {
  const told = entries.flatMap((entry) => toldSchema.safeParse(entry).data?.told ?? []);
  const [first, ...later] = new Set(told);
  const answers = entries.flatMap((entry) => answeredSchema.safeParse(entry).data?.answered ?? []);
  if (first === undefined) return brief;
  const said = answers.at(-1);
  return `${first}
# You take over

Somebody else worked on this before you and is gone. What they changed is in the folder: look at it
with \`git status\` and \`git diff\` before you go on.
${later.length === 0 ? "" : `\nWhat they were told on the way:\n\n${later.join("\n\n").slice(-16_000)}\n`}${said === undefined ? "" : `\nThe last that they said:\n\n${said.slice(-4_000)}\n`}
# Now

${brief}`;
}

/** Formats a person's messages from before this run. */
export function describeMessages(said: readonly string[]): string {
  if (said.length === 0) return "";
  return `\n# What a person said meanwhile\n\n${said.join("\n\n")}\n`;
}
