import { z } from "zod";

/**
 * Answers by schema from programs that may not support it: a prompt that asks for one, and a reader
 * that finds the answer in the text and validates it.
 */
export type OutputReader = (answer: unknown) => { ok: true; value: unknown } | Refused;
type Refused = { ok: false; why: string };

export function makeOutputReader(schema: Record<string, unknown>): OutputReader {
  const parser = z.fromJSONSchema(schema);
  return (answer) => {
    const candidates = typeof answer === "string" ? findJson(answer) : [answer];
    let why = "it holds no JSON object";
    for (const candidate of candidates) {
      const parsed = parser.safeParse(candidate);
      if (parsed.success) return { ok: true, value: parsed.data };
      why = parsed.error.issues
        .slice(0, 5)
        .map(({ path, message }) => `${path.join(".") || "the answer"}: ${message}`)
        .join("; ");
    }
    return { ok: false, why };
  };
}

/** Candidates: the whole text, its last fenced block, and the text between the outermost braces. */
function findJson(text: string): unknown[] {
  const fenced = [...text.matchAll(/```(?:json)?\s*\n([\s\S]*?)```/g)].at(-1)?.[1];
  const braces = text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1);
  return [text, fenced, braces].flatMap((candidate) => {
    try {
      return candidate ? [JSON.parse(candidate) as unknown] : [];
    } catch {
      return [];
    }
  });
}

export function askForOutput(schema: Record<string, unknown>): string {
  return `\n# Your answer\n\nEnd with a message that is one JSON object and nothing else, valid by this JSON schema:\n\n${JSON.stringify(schema)}\n`;
}

export function askAgain(schema: Record<string, unknown>, why: string): string {
  return `Your last message is not the answer that was asked for: ${why}.\nDo nothing else: send the answer again, as one JSON object and nothing else, valid by this JSON schema:\n\n${JSON.stringify(schema)}\n`;
}
