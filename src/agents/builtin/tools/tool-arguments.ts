import { cutMiddle } from "../../../core/text/clean-text.ts";

/**
 * The arguments of a tool call are text that should be JSON. Broken text is never repaired, because
 * running half a command is worse than running none. The model is told what is wrong.
 */
const maxArgumentsChars = 1_000_000;

export type ReadArguments = { ok: true; value: unknown } | { ok: false; problem: string };

export function readArguments(text: string): ReadArguments {
  if (text.length > maxArgumentsChars) {
    return {
      ok: false,
      problem: `the arguments are ${text.length} characters long; at most ${maxArgumentsChars} are taken. Use several smaller calls`,
    };
  }
  try {
    return { ok: true, value: text.trim() === "" ? {} : JSON.parse(text) };
  } catch (error) {
    return { ok: false, problem: `the arguments are not valid JSON (${(error as Error).message})` };
  }
}

/** The arguments as the transcript stores them: always JSON, and shortened if they are invalid. */
export function showArguments(text: string): string {
  const read = readArguments(text);
  if (read.ok) return text.trim() === "" ? "{}" : text;
  return JSON.stringify({ not_run: cutMiddle(text, 500) });
}
