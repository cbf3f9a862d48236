/**
 * Splits the change of one text into hunks, each of which can be applied without the others. Each
 * replaces lines of the base's text, and no two touch the same lines. Pure.
 */
export type Hunk = {
  /** The first replaced line of the base's text, from 0; the new lines go before it. */
  at: number;
  removed: number;
  added: string[];
  /** The hunk's first line in the change's text, from 1. */
  line: number;
};

/** With more differing lines the text is one hunk: the comparison's time grows quadratically. */
const maxEdits = 800;

/** Returns the hunks from the top; one for the whole text where the two differ too much. */
export function splitHunks(base: string, change: string): Hunk[] {
  if (base === change) return [];
  const [before, after] = [linesOf(base), linesOf(change)];
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const rest = Math.min(before.length, after.length) - head;
  while (tail < rest && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  const middle = before.slice(head, before.length - tail);
  const now = after.slice(head, after.length - tail);
  const kept = findCommon(middle, now) ?? [];
  const hunks: Hunk[] = [];
  let [from, to] = [0, 0];
  for (const [old, fresh] of [...kept, [middle.length, now.length] as const]) {
    if (old > from || fresh > to) {
      hunks.push({
        at: head + from,
        removed: old - from,
        added: now.slice(to, fresh),
        line: head + to + 1,
      });
    }
    [from, to] = [old + 1, fresh + 1];
  }
  return hunks;
}

/** Applies these hunks to the base's text. */
export function applyHunks(base: string, hunks: readonly Hunk[]): string {
  const lines = linesOf(base);
  let text = "";
  let at = 0;
  for (const hunk of [...hunks].sort((a, b) => a.at - b.at)) {
    text += lines.slice(at, hunk.at).join("") + hunk.added.join("");
    at = hunk.at + hunk.removed;
  }
  return text + lines.slice(at).join("");
}

/** Splits into lines with their line ends, so that joining them gives the text again. */
function linesOf(text: string): string[] {
  const lines = text.split("\n").map((line) => `${line}\n`);
  const last = lines.pop()?.slice(0, -1) ?? "";
  return last === "" ? lines : [...lines, last];
}

/**
 * Returns the pairs of lines that both texts have, in order: Myers' O(ND) comparison. Null when
 * more than `maxEdits` lines differ.
 */
function findCommon(
  before: readonly string[],
  after: readonly string[],
): [number, number][] | null {
  const limit = Math.min(before.length + after.length, maxEdits);
  const furthest = new Map<number, number>([[1, 0]]);
  const steps: Map<number, number>[] = [];
  for (let edits = 0; edits <= limit; edits++) {
    const seen = new Map<number, number>();
    steps.push(seen);
    for (let k = -edits; k <= edits; k += 2) {
      const [below, above] = [furthest.get(k - 1) ?? -1, furthest.get(k + 1) ?? -1];
      let x = k === -edits || (k !== edits && below < above) ? above : below + 1;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x++;
      furthest.set(k, x);
      seen.set(k, x);
      if (x >= before.length && x - k >= after.length) return walkBack(steps, before, after);
    }
  }
  return null;
}

function walkBack(
  steps: readonly Map<number, number>[],
  before: readonly string[],
  after: readonly string[],
): [number, number][] {
  const common: [number, number][] = [];
  let [x, y] = [before.length, after.length];
  for (let edits = steps.length - 1; edits >= 0; edits--) {
    const earlier = steps[edits - 1];
    const k = x - y;
    const [below, above] = [earlier?.get(k - 1) ?? -1, earlier?.get(k + 1) ?? -1];
    const previous = k === -edits || (k !== edits && below < above) ? k + 1 : k - 1;
    const startX = earlier ? (earlier.get(previous) ?? 0) : 0;
    const startY = earlier ? startX - previous : 0;
    const stopX = earlier ? (previous === k + 1 ? startX : startX + 1) : 0;
    while (x > stopX && y > 0 && before[x - 1] === after[y - 1]) common.push([--x, --y]);
    [x, y] = [startX, startY];
  }
  return common.reverse();
}
