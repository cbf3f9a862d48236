import { cutText } from "../../../core/text/clean-text.ts";

/**
 * Describes where a file comes closest to a piece that is not in it: lines that differ only in
 * whitespace, else the place around the most similar line. Models misremember a name or a sign more
 * often than a whole line, and copy the line numbers of `read`.
 */
export function nearMiss(text: string, piece: string): string {
  const numbered = piece.split("\n").filter((line) => line !== "");
  if (numbered.length > 0 && numbered.every((line) => /^\d+\t/.test(line)))
    return "It carries the line numbers of read, which are not in the file; leave them out";
  const lines = text.split("\n");
  const bare = lines.map(withoutBlanks);
  const wanted = piece.split("\n").map(withoutBlanks);
  while (wanted.length > 1 && wanted[0] === "") wanted.shift();
  while (wanted.length > 1 && wanted.at(-1) === "") wanted.pop();
  const show = (start: number, count: number) =>
    cutText(lines.slice(start, start + count).join("\n"), 2_000);

  const same = bare.findIndex((_, start) => wanted.every((line, i) => bare[start + i] === line));
  if (same >= 0) {
    return `It differs in blanks only from lines ${same + 1} to ${same + wanted.length}, which are:\n${show(same, wanted.length)}`;
  }
  const near = findNearest(bare, wanted);
  if (near !== null) {
    return `It is most like line ${near + 1} and what follows:\n${show(near, wanted.length + 2)}`;
  }
  return "Nothing in the file is like it; read the file again";
}

const withoutBlanks = (line: string) => line.replace(/\s+/g, "");

/** Maximum characters compared, because this blocks the daemon's main thread. */
const maxCompared = 400_000;
const maxLine = 300;
const alike = 0.6;

/** Locates the piece by its longest line, or by the next longest if nothing is similar. */
function findNearest(bare: readonly string[], wanted: readonly string[]): number | null {
  const telling = wanted
    .map((line, at) => ({ line: line.slice(0, maxLine), at }))
    .filter(({ line }) => line.length > 3)
    .sort((a, b) => b.line.length - a.line.length)
    .slice(0, 3);
  let left = maxCompared;
  for (const { line, at } of telling) {
    const pairs = pairsOf(line);
    let best = alike;
    let found: number | null = null;
    for (const [index, whole] of bare.entries()) {
      const other = whole.slice(0, maxLine);
      const both = line.length + other.length;
      const isWorthIt = 2 * Math.min(line.length, other.length) > best * both && left > 0;
      if (isWorthIt) left -= other.length;
      const likeness = whole.includes(line) ? 1 : isWorthIt ? compare(pairs, pairsOf(other)) : 0;
      if (likeness <= best) continue;
      best = likeness;
      found = Math.max(0, index - at);
    }
    if (found !== null) return found;
  }
  return null;
}

/** Similarity of two lines by their common character pairs, from 0 to 1. */
function compare(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0;
  for (const pair of a) if (b.has(pair)) common++;
  return a.size + b.size === 0 ? 0 : (2 * common) / (a.size + b.size);
}

function pairsOf(line: string): Set<string> {
  const pairs = new Set<string>();
  for (let at = 0; at < line.length - 1; at++) pairs.add(line.slice(at, at + 2));
  return pairs;
}
