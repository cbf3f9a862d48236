import type { Task } from "../task/task.ts";
import { makeInert } from "./inert-text.ts";
import { cleanOutsideText } from "./outside-text.ts";
import type { Redact } from "./redact.ts";

/**
 * What a task is called wherever people tell tasks apart: a list, a push, a branch, a pull request.
 * One about an issue or a run on GitHub is called after that; any other after its goal. All of it is
 * one line without anything unseen. The words may be a stranger's, so an agent's brief has them in
 * its data block alone.
 */
export type TitledTask = Pick<Task, "goal"> & {
  origin: Pick<Task["origin"], "subject" | "outsideText">;
};

const maxTitle = 72;

/** `acme/app#7: Crash on an empty cart`, or the goal's title. Never empty. */
export function titleOf(task: TitledTask, redact?: Redact): string {
  const { about, words } = splitTitle(task, redact);
  return about === null ? words : words === "" ? about : `${about}: ${words}`;
}

/**
 * The title as it is published: without secrets, and its words are inert. The one live reference is
 * to what the task is about.
 */
export function publicTitleOf(task: TitledTask, redact: Redact): string {
  const { about, words } = splitTitle(task, redact);
  const inert = makeInert(words);
  return about === null ? inert : inert === "" ? about : `${about}: ${inert}`;
}

/**
 * What the task is about on a forge (`acme/app#7`, `acme/app@1a2b3c4d5e`) or null, and its words.
 * They are redacted before they are cut: half a secret is not found.
 */
export function splitTitle(
  { goal, origin }: TitledTask,
  redact: Redact = (text) => text,
): { about: string | null; words: string } {
  const about = /^(?:github|gitea|gitlab):(.+)$/.exec(origin.subject ?? "")?.[1] ?? null;
  if (about === null) return { about, words: titleOfText(redact(goal)) };
  // As github-event.ts writes it: the first line has the title, or the name of what failed.
  const first = cleanOutsideText(origin.outsideText ?? "").split("\n", 1)[0] ?? "";
  const [, words = ""] = /^(?:Title|Failed (?:workflow|check)): (.*)$/.exec(first) ?? [];
  const short = about.replace(/@([0-9a-f]{10})[0-9a-f]+$/, "@$1");
  return { about: short, words: shorten(redact(words)) };
}

/**
 * The title of a text: its first line that says something, without Markdown around it, at most 72
 * characters. A longer line ends with its first sentence, else between two words. Code in fences is
 * only used where there is nothing else.
 */
export function titleOfText(text: string): string {
  const lines = cleanOutsideText(text).split("\n");
  const said = findWords(withoutFences(lines)) ?? findWords(lines) ?? lines.join(" ").trim();
  return shorten(said) || "Untitled";
}

function findWords(lines: readonly string[]): string | undefined {
  return lines.map(withoutMarkdown).find((line) => hasWords.test(line));
}

const hasWords = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;

function withoutFences(lines: readonly string[]): string[] {
  let fence: string | null = null;
  return lines.filter((line) => {
    const [, mark] = /^ {0,3}(`{3,}|~{3,})/.exec(line) ?? [];
    if (fence === null) {
      fence = mark ?? null;
      return mark === undefined;
    }
    if (mark?.startsWith(fence)) fence = null;
    return false;
  });
}

/** Without the marks of a heading, a quotation or a list, and without bold type. */
function withoutMarkdown(line: string): string {
  return line
    .replace(/^(?:\s|#{1,6}\s|>|[-*+]\s|\d{1,3}[.)]\s|\[[ xX]\]\s)+/, "")
    .replace(/\s#+\s*$/, "")
    .replace(/(\*\*|__)(?=\S)(.+?)(?<=\S)\1/g, "$2");
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const characters = [...line];
  if (characters.length <= maxTitle) return line;
  const room = characters.slice(0, maxTitle).join("");
  const [, sentence] = /^(.{10,}?[^\s.])(?:[.!?:;]\s|[。！？；])/u.exec(room) ?? [];
  if (sentence !== undefined) return sentence;
  // A word of ASCII is left out rather than cut: half a name or an address says something else.
  const cut = characters.slice(0, maxTitle - 1).join("");
  return `${cut.replace(/\s+[!-~]*$/, "")}…`;
}
