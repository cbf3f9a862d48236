import { cutMiddle } from "../../clean-text.ts";

/**
 * The arguments of a tool call are text that claims to be JSON. Broken text is never mended: half a
 * command run is worse than none. The model is told what is wrong with it.
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

/** The arguments as the transcript repeats them: always JSON, and never a flood. */
export function showArguments(text: string): string {
  const read = readArguments(text);
  if (read.ok) return text.trim() === "" ? "{}" : text;
  return JSON.stringify({ not_run: cutMiddle(text, 500) });
}
