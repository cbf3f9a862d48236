import { cleanOutsideText } from "../../core/text/outside-text.ts";

/**
 * A command in a comment: its first line that starts with `/deputy ` or `@<our account> `, outside
 * quotes and code fences. Everything else in a comment is words. Pure.
 */
export type GithubCommand = {
  /** Null: no such command. */
  name: CommandName | null;
  /** The rest of the line; of `fix`, what follows in the comment, too. */
  words: string;
};

/** What each takes, as it is listed for people. */
export const commandHelp = {
  fix: "fix [what]",
  review: "review",
  retry: "retry",
  stop: "stop",
  why: "why",
  answer: "answer TEXT",
  budget: "budget +$2",
} as const;
export type CommandName = keyof typeof commandHelp;

/** `bot`: the login that a mention names; null: not known, so mentions are words. */
export function readCommand(body: string, bot: string | null): GithubCommand | null {
  const lines = cleanOutsideText(body).split("\n");
  const at = findLine(lines, bot);
  if (at === null) return null;
  const [, given = "", rest = ""] = /^\S+\s+(\S*)\s*(.*)$/.exec(lines[at] ?? "") ?? [];
  const lower = given.toLowerCase();
  const name = Object.hasOwn(commandHelp, lower) ? (lower as CommandName) : null;
  const words = name === "fix" ? [rest, ...lines.slice(at + 1)].join("\n") : rest;
  return { name, words: words.trim() };
}

/** Whether it may be one, so that our account's name has to be known. */
export function mentionsFirst(body: string): boolean {
  return /^@\S/m.test(body);
}

/** A quote's line starts with `>`; a fence ends with as many of its characters as it began with. */
function findLine(lines: readonly string[], bot: string | null): number | null {
  let fence: string | null = null;
  for (const [index, line] of lines.entries()) {
    const [, ticks = ""] = /^[\s>*+-]*(`{3,}|~{3,})/.exec(line) ?? [];
    if (fence !== null) {
      if (ticks.startsWith(fence) && line.trim() === ticks) fence = null;
    } else if (ticks !== "") fence = ticks;
    else if (isAddressed(line, bot)) return index;
  }
  return null;
}

function isAddressed(line: string, bot: string | null): boolean {
  const [, address = ""] = /^(\S+)(?:\s|$)/.exec(line) ?? [];
  const lower = address.toLowerCase();
  return lower === "/deputy" || (bot !== null && lower === `@${bot.toLowerCase()}`);
}
