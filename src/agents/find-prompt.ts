import { cleanText } from "../core/text/clean-text.ts";

/**
 * Detects a program that asks something, as at a terminal: its output stops in an unfinished line
 * that reads like a question. That alone means nothing, as a program may print this and continue,
 * so the caller must know that the program ended without success.
 */
export function findPrompt(unfinished: string): string | null {
  const line =
    cleanText(unfinished)
      .split(/[\r\n]/)
      .at(-1)
      ?.trim() ?? "";
  if (line === "" || line.length > maxChars || notPrompts.some((form) => form.test(line))) {
    return null;
  }
  return prompts.some((form) => form.test(line)) ? line : null;
}

const maxChars = 500;

const notPrompts = [/^[{[]["{[]/, /^(?:error|fatal|warn(?:ing)?|usage)\b/i];

const prompts = [
  /[[(]\s*y(?:es)?\s*\/\s*no?\b[^\])]*[\])]\s*[?:>]*$/i, // [y/N], (yes/no), (yes/no/[fingerprint])?
  /\b(?:password|passphrase|passcode|username|login|otp|pin)\b.{0,200}:$/i,
  /\?(?:\s*[[(][^\])]*[\])])?\s*[:>›❯]*$/, // a question, its default behind it
  /^\? \S/, // how prompting libraries begin one
  /\bpress (?:any key|enter|return)\b/i,
  /^(?:please )?(?:enter|type|choose|select|confirm|specify)\b.*[:>]$/i,
];

/** Keeps the unfinished last line of each stream; `find` returns the one that is a prompt. */
export function watchForPrompt(): {
  add(chunk: string, stream: "stdout" | "stderr"): void;
  find(): string | null;
} {
  const rest = { stdout: "", stderr: "" };
  return {
    add: (chunk, stream) => {
      const text = rest[stream] + chunk;
      rest[stream] = text.slice(text.lastIndexOf("\n") + 1).slice(-4 * maxChars);
    },
    // Many programs ask on stdout and complain about the missing answer on stderr.
    find: () => findPrompt(rest.stdout) ?? findPrompt(rest.stderr),
  };
}
