/**
 * Text that comes from a program or a model, made fit to be stored and shown: no NUL and no lone
 * surrogate (PostgreSQL refuses both), no terminal colours, and a length that somebody chose.
 */

/** Replace what a database or a terminal chokes on. */
export function cleanText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is removed
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g, "")
      .replaceAll("\0", "\uFFFD")
      .replace(/\p{Surrogate}/gu, "\uFFFD")
  );
}

/** The first `max` characters, with a mark where the rest was. */
export function cutText(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/\p{Surrogate}$/u, "")}…`;
}

/** The last `max` characters, with a mark where the rest was. */
export function cutToTail(text: string, max: number): string {
  return text.length <= max ? text : `…${text.slice(1 - max).replace(/^\p{Surrogate}/u, "")}`;
}

/** The first line with anything on it, cut to `max` characters: for one-line summaries. */
export function firstLine(text: string, max: number): string {
  const line = text.split("\n").find((candidate) => candidate.trim() !== "") ?? "";
  return cutText(cleanText(line.trim()), max);
}

/** Head and tail of a long text, and between them how much is missing. */
export function cutMiddle(text: string, keep: number): string {
  if (text.length <= 2 * keep) return text;
  const head = text.slice(0, keep).replace(/\p{Surrogate}$/u, "");
  const tail = text.slice(-keep).replace(/^\p{Surrogate}/u, "");
  return `${head}\n[… ${text.length - 2 * keep} characters left out …]\n${tail}`;
}
