import type { MovedSource } from "../moved-source.ts";
import type { TestFile } from "./read-test-file.ts";

/**
 * Compares two pieces of test code: the same word for word, or except for names that are local or
 * that the change's source renamed. Pure.
 */
export type EditContext = {
  moved: MovedSource;
  /** All tests of the test files that the change touches, before and now. */
  before: readonly TestFile[];
  now: readonly TestFile[];
};

/** Whether two bodies are the same except for local names and names that the source renamed. */
export function isAlike(
  was: readonly string[],
  is: readonly string[],
  context: EditContext,
): boolean {
  if (was.length !== is.length) return false;
  return mapWords(was, is, context) !== null;
}

/** Whether they differ only by following the source. */
export function isFollowing(
  was: readonly string[],
  is: readonly string[],
  context: EditContext,
): boolean {
  const mapped = mapWords(was, is, context);
  return (
    mapped !== null &&
    [...mapped].some(([from, to]) => from !== to && context.moved.goneWords.has(from))
  );
}

function mapWords(
  was: readonly string[],
  is: readonly string[],
  { moved }: EditContext,
): Map<string, string> | null {
  if (was.length !== is.length) return null;
  const [forth, back] = [new Map<string, string>(), new Map<string, string>()];
  const differing: [string, string, number][] = [];
  for (const [at, from] of was.entries()) {
    const to = is[at] ?? "";
    if (from !== to && isPathOf(from, to, moved)) continue;
    const isWord = /^[\p{L}_$]/u.test(from) && /^[\p{L}_$]/u.test(to);
    if (!isWord && from !== to) return null;
    if (!isWord) continue;
    if ((forth.get(from) ?? to) !== to || (back.get(to) ?? from) !== from) return null;
    forth.set(from, to);
    back.set(to, from);
    if (from !== to) differing.push([from, to, at]);
  }
  for (const [from, to] of differing) {
    const isSubject = moved.goneWords.has(from) && moved.newWords.has(to);
    if (!isSubject && !(declares(was, from) && declares(is, to))) return null;
  }
  return forth;
}

/** A string that names a removed file, and one that names a new file. */
function isPathOf(from: string, to: string, moved: MovedSource): boolean {
  const isPath = (text: string) => /^["'`]\S+$/.test(text) && /\/|\.\w+["'`]$/.test(text);
  if (!isPath(from) || !isPath(to)) return false;
  const [was, is] = [from, to].map((text) =>
    text.split(/[^\p{L}\p{N}_$-]+/u).filter((part) => part !== ""),
  ) as [string[], string[]];
  const gone = was.filter((part) => !is.includes(part));
  const come = is.filter((part) => !was.includes(part));
  if (gone.length + come.length === 0)
    return /^["'`]\.{1,2}\//.test(from) && /^["'`]\.{1,2}\//.test(to);
  return (
    gone.length > 0 &&
    gone.every((part) => moved.goneStems.has(part) || moved.goneWords.has(part)) &&
    come.every((part) => moved.newStems.has(part) || moved.newWords.has(part))
  );
}

/** Whether a body itself declares a name. */
function declares(body: readonly string[], name: string): boolean {
  return body.some(
    (text, at) =>
      text === name &&
      (/^(const|let|var|val|mut|my|def|fn|function|func|auto|for|as|\||int|String)$/.test(
        body[at - 1] ?? "",
      ) ||
        /^(:=|=>)$/.test(body[at + 1] ?? "") ||
        (body[at + 1] === "=" &&
          /^(\n\d+|;|\{|,)$/.test(body[at - 1] ?? "") &&
          !/[([]/.test(body[at - 2] ?? ""))),
  );
}
