/** One changed run of lines of a file: where it was, and what stands there now. */
export type Hunk = { oldStart: number; oldCount: number; newStart: number; newCount: number };

export type Lines = { line: number; endLine: number };

/** The hunks of a patch without context lines (`-U0`) of one file. */
export function parseHunks(patch: string): Hunk[] {
  return [...patch.matchAll(/^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/gm)].map(
    ([, oldStart, oldCount = "1", newStart, newCount = "1"]) => ({
      oldStart: Number(oldStart),
      oldCount: Number(oldCount),
      newStart: Number(newStart),
      newCount: Number(newCount),
    }),
  );
}

/**
 * Where lines stand after the hunks; null where one of them was changed, or something was put between
 * them: then it is not known what a comment on them is about.
 */
export function mapLines({ line, endLine }: Lines, hunks: readonly Hunk[]): Lines | null {
  let shift = 0;
  for (const { oldStart, oldCount, newCount } of hunks) {
    // An insertion stands behind the line that git names.
    const first = oldCount === 0 ? oldStart + 1 : oldStart;
    const last = first + oldCount - 1;
    if (first > endLine) break;
    const isBefore = oldCount === 0 ? first <= line : last < line;
    if (!isBefore) return null;
    shift += newCount - oldCount;
  }
  return { line: line + shift, endLine: endLine + shift };
}
