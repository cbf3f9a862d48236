/**
 * Finds the smallest part of a change that still turns a check green, by trying subsets of it:
 * delta debugging (ddmin, Zeller and Hildebrandt) with the most telling subsets first. Each try
 * costs a run of the check, so no subset runs twice and a budget ends the search. The result so far
 * is then returned, not marked as smallest.
 *
 * Subsets are not monotone (half a change may not compile), so the result for one subset says
 * nothing about another. An "unknown" answer never counts as green.
 */
export type Part = {
  /** Identifies the part; stable across calls. */
  key: string;
  /** The part's file, as the change names it. */
  path: string;
  /** The side by the hints: it orders the tries and decides nothing. */
  side: "source" | "judge";
};

export type Flip = "green" | "red" | "unknown";

export type NarrowInput<P extends Part> = {
  /** The whole change: green with all of it, red with none of it. */
  parts: readonly P[];
  /** Runs the check on the base with only these parts of the change, in the order of `parts`. */
  flips: (kept: P[]) => Promise<Flip>;
  /** Maximum number of calls to `flips`. */
  maxRuns: number;
  /** The latest start of a run, in milliseconds since 1970. */
  deadline: number;
  /** Answers known from other experiments, so that they are not run again. */
  known?: readonly { kept: readonly Part[]; answer: Flip }[];
  now?: () => number;
};

export type Narrowed<P extends Part> = {
  kept: P[];
  /** Whether it is not green without any one of `kept`, as far as answers came. */
  smallest: boolean;
  /** The number of calls to `flips`. */
  runs: number;
};

/** Up to this many parts are tried one by one; more are tried in halves. */
const fewFiles = 4;

/** Runs the search. Throws what `flips` throws. */
export async function narrowCause<P extends Part>(input: NarrowInput<P>): Promise<Narrowed<P>> {
  const search = new Search(input);
  const whole = [...input.parts];
  let kept = whole;
  for (const side of ["source", "judge"] as const) {
    const ofSide = whole.filter((part) => part.side === side);
    if (kept === whole && ofSide.length > 0 && ofSide.length < whole.length) {
      if (await search.isGreen(ofSide)) kept = ofSide;
    }
  }
  const [source, judges] = (["source", "judge"] as const).map((side) =>
    kept.filter((part) => part.side === side),
  ) as [P[], P[]];
  if (source.length > 0 && judges.length > 0) {
    // Neither side is enough alone: first minimize the source with all judges kept.
    const less = await minimize(source, search, judges);
    kept = [...less, ...(await minimize(judges, search, less))];
  }
  return search.end(await minimize(kept, search, []));
}

/**
 * Ddmin: tries each part when there are few, else the halves; then the complements, then finer
 * pieces, down to single parts. The parts in `fixed` are always kept.
 */
async function minimize<P extends Part>(
  whole: P[],
  search: Search<P>,
  fixed: readonly P[],
): Promise<P[]> {
  let kept = whole;
  let pieces = kept.length <= fewFiles ? kept.length : 2;
  while (kept.length > 1 && !search.isOver) {
    const split = splitInto(kept, pieces);
    const alone = await findGreen(split, search, fixed);
    if (alone) {
      kept = alone;
      pieces = kept.length <= fewFiles ? kept.length : 2;
      continue;
    }
    // With two pieces, each piece is the complement of the other.
    const rests =
      pieces === 2
        ? []
        : split.map((piece) => kept.filter((part) => !piece.includes(part))).reverse();
    const rest = await findGreen(rests, search, fixed);
    if (rest) {
      kept = rest;
      pieces = Math.min(Math.max(pieces - 1, 2), kept.length);
    } else if (pieces >= kept.length) break;
    else pieces = Math.min(pieces * 2, kept.length);
  }
  return kept;
}

async function findGreen<P extends Part>(
  sets: readonly P[][],
  search: Search<P>,
  fixed: readonly P[],
): Promise<P[] | null> {
  for (const set of sets) if (await search.isGreen([...set, ...fixed])) return set;
  return null;
}

function splitInto<P>(parts: readonly P[], pieces: number): P[][] {
  const sets: P[][] = [];
  let from = 0;
  for (let left = pieces; left > 0; left--) {
    const to = from + Math.ceil((parts.length - from) / left);
    if (to > from) sets.push(parts.slice(from, to));
    from = to;
  }
  return sets;
}

/** Runs the tries and remembers their answers. */
class Search<P extends Part> {
  /** A try was skipped, so the result is not known to be the smallest. */
  isOver = false;
  private runs = 0;
  private readonly answers = new Map<string, Flip>();
  private readonly input: NarrowInput<P>;

  constructor(input: NarrowInput<P>) {
    this.input = input;
    for (const { kept, answer } of input.known ?? []) this.answers.set(keyOf(kept), answer);
    this.answers.set(keyOf([]), "red");
    this.answers.set(keyOf(input.parts), "green");
  }

  async isGreen(kept: P[]): Promise<boolean> {
    const key = keyOf(kept);
    const known = this.answers.get(key);
    if (known) return known === "green";
    const { deadline, flips, maxRuns, now = Date.now } = this.input;
    this.isOver ||= this.runs >= maxRuns || now() >= deadline;
    if (this.isOver) return false;
    this.runs++;
    const answer = await flips(this.input.parts.filter((part) => kept.includes(part)));
    this.answers.set(key, answer);
    return answer === "green";
  }

  end(kept: P[]): Narrowed<P> {
    return { kept, smallest: kept.length <= 1 || !this.isOver, runs: this.runs };
  }
}

function keyOf(parts: readonly Part[]): string {
  return JSON.stringify(parts.map(({ key }) => key).sort());
}
