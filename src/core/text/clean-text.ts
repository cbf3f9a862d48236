/**
 * Makes text from a program or a model safe to store and show: no NUL and no lone surrogate
 * (PostgreSQL refuses both), no terminal colours, and a limited length.
 */

/** Replaces what a database or a terminal cannot handle. */
export function cleanText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is removed
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g, "")
      .replaceAll("\0", "\uFFFD")
      .replace(/\p{Surrogate}/gu, "\uFFFD")
  );
}

/** The first `max` characters; a mark replaces the rest. */
export function cutText(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/\p{Surrogate}$/u, "")}…`;
}

/** The last `max` characters; a mark replaces the rest. */
export function cutToTail(text: string, max: number): string {
  return text.length <= max ? text : `…${text.slice(1 - max).replace(/^\p{Surrogate}/u, "")}`;
}

/** The first non-blank line, cut to `max` characters: for one-line summaries. */
export function firstLine(text: string, max: number): string {
  const line = text.split("\n").find((candidate) => candidate.trim() !== "") ?? "";
  return cutText(cleanText(line.trim()), max);
}

/** Head and tail of a long text, with the number of characters left out between them. */
export function cutMiddle(text: string, keep: number): string {
  if (text.length <= 2 * keep) return text;
  const head = text.slice(0, keep).replace(/\p{Surrogate}$/u, "");
  const tail = text.slice(-keep).replace(/^\p{Surrogate}/u, "");
  return `${head}\n[… ${text.length - 2 * keep} characters left out …]\n${tail}`;
}
