/**
 * A unified diff as a reviewer reads it: each line after its number in the new file, so that nobody
 * has to read the file for it. Of files shown whole, what is far from every change is left out, and
 * so is the content of binary files. Pure. It is no patch any more: git cannot apply it.
 */
type Row = { number: number | null; line: string; isChange: boolean };

/** Hunks up to this many lines are shown whole. */
const wholeUpTo = 120;
const around = 15;

export function numberDiff(diff: string): string {
  const shown: string[] = [];
  const lines = diff.split("\n");
  let isBinary = false;
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (hunk) {
      const [, before = "1", start = "0", after = "1"] = hunk;
      const { rows, next } = readHunk(lines, at + 1, {
        ...{ before: Number(before), after: Number(after), start: Number(start) },
      });
      shown.push(line, ...showRows(rows));
      at = next;
      continue;
    }
    if (line.startsWith("diff --git ")) isBinary = false;
    if (line === "GIT binary patch") shown.push("[a binary file]");
    isBinary ||= line === "GIT binary patch";
    if (!isBinary && !line.startsWith("index ")) shown.push(line);
    at++;
  }
  return shown.join("\n");
}

/** By the counts of its head: a line of the change may look like a head itself. */
function readHunk(
  lines: readonly string[],
  from: number,
  { before, after, start }: { before: number; after: number; start: number },
): { rows: Row[]; next: number } {
  const rows: Row[] = [];
  let [old, fresh, number, at] = [before, after, start, from];
  for (; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const isNote = line.startsWith("\\");
    if (old <= 0 && fresh <= 0 && !isNote) break;
    const isGone = line.startsWith("-");
    const isNew = line.startsWith("+");
    if (!isNew && !isNote) old--;
    if (!isGone && !isNote) fresh--;
    rows.push({ number: isGone || isNote ? null : number, line, isChange: isGone || isNew });
    if (!isGone && !isNote) number++;
  }
  return { rows, next: at };
}

function showRows(rows: readonly Row[]): string[] {
  const near = new Uint8Array(rows.length);
  for (const [at, { isChange }] of rows.entries()) {
    if (isChange) near.fill(1, Math.max(0, at - around), at + around + 1);
  }
  const isWhole = rows.length <= wholeUpTo;
  const shown: string[] = [];
  let left = 0;
  for (const [at, { line, number }] of rows.entries()) {
    if (!isWhole && near[at] === 0) {
      left++;
      continue;
    }
    if (left > 0) shown.push(leftOut(left));
    left = 0;
    shown.push(`${number ?? ""}\t${line}`);
  }
  if (left > 0) shown.push(leftOut(left));
  return shown;
}

function leftOut(count: number): string {
  return `[… ${count} unchanged lines left out …]`;
}

/** Where a diff without context changes files, one line for each: `- src/a.js: 3-5, 9`. */
export function listChangedLines(diff: string): string {
  const files: { path: string; places: string[] }[] = [];
  for (const line of diff.split("\n")) {
    const [, path] = /^diff --git a\/.* b\/(.*)$/.exec(line) ?? [];
    if (path !== undefined) files.push({ path, places: [] });
    const [, start, count = "1"] = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (start === undefined) continue;
    const last = Number(start) + Math.max(0, Number(count) - 1);
    files.at(-1)?.places.push(last > Number(start) ? `${start}-${last}` : start);
  }
  return files
    .map(({ path, places }) => `- ${path}: ${places.join(", ") || "as a whole"}`)
    .join("\n");
}

/** A quote as the file has it: without the numbers and signs that a reviewer copied along. */
export function withoutLineNumbers(quote: string): string {
  const lines = quote.split("\n");
  const isNumbered = lines.every((line) => line === "" || /^\d*\t[-+ ]/.test(line));
  return isNumbered ? lines.map((line) => line.replace(/^\d*\t[-+ ]/, "")).join("\n") : quote;
}
