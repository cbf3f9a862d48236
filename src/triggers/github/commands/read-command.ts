import { cleanOutsideText } from "../../../core/text/outside-text.ts";

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

/** A line of a quote starts with `>`. */
function findLine(lines: readonly string[], bot: string | null): number | null {
  let fence: Fence | null = null;
  for (const [index, line] of lines.entries()) {
    if (fence !== null && countQuotes(line) < fence.quotes) fence = null;
    if (fence !== null) {
      if (isClosed(fence, line)) fence = null;
      continue;
    }
    fence = openFence(line);
    if (fence === null && isAddressed(line, bot)) return index;
  }
  return null;
}

/**
 * A fence of code, as CommonMark reads it. One in a quote ends with the quote; one in a list's item
 * ends only by its closing line, so that what may be code is never carried out.
 */
type Fence = {
  /** Its closing line has at least as many of them. */
  ticks: string;
  /** How many quotes it is in. */
  quotes: number;
  /** The width of the list's marks before it. */
  width: number;
};

/** A line of backticks that has another one later is code in a line, and begins no fence. */
function openFence(line: string): Fence | null {
  const quoted = countQuotes(line);
  const inside = stripQuotes(line, quoted);
  const [start = "", marks = "", ticks = ""] =
    /^((?: {0,3}(?:>|[*+-](?= )|\d{1,9}[.)](?= )))*) {0,4}(`{3,}|~{3,})/.exec(inside) ?? [];
  const indent = inside.search(/[^ ]/);
  if (ticks === "" || (ticks.startsWith("`") && inside.includes("`", start.length))) return null;
  if (marks === "" && indent > 3) return null;
  return { ticks, quotes: quoted, width: marks === "" ? 0 : inside.indexOf(ticks) };
}

function isClosed({ quotes, ticks, width }: Fence, line: string): boolean {
  const inside = stripQuotes(line, quotes);
  const indent = inside.search(/[^ ]/);
  const rest = inside.trim();
  const isOfTicks = rest.length >= ticks.length && rest === (ticks[0] ?? "").repeat(rest.length);
  return isOfTicks && indent >= width && indent <= width + 3;
}

function countQuotes(line: string): number {
  const [marks = ""] = /^(?: {0,3}>)*/.exec(line) ?? [];
  return marks.split(">").length - 1;
}

/** What is inside of so many quotes; one space may follow the mark of each. */
function stripQuotes(line: string, count: number): string {
  let rest = line;
  for (let left = count; left > 0; left--) rest = rest.replace(/^ {0,3}> ?/, "");
  return rest;
}

function isAddressed(line: string, bot: string | null): boolean {
  const [, address = ""] = /^(\S+)(?:\s|$)/.exec(line) ?? [];
  const lower = address.toLowerCase();
  if (lower === "/deputy") return true;
  // People write an App's name, and GitHub its account's: @deputy-acme, @deputy-acme[bot].
  const plain = (name: string) => name.toLowerCase().replace(/\[bot\]$/, "");
  return bot !== null && address.startsWith("@") && plain(lower.slice(1)) === plain(bot);
}
