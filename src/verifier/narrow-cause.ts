/**
 * Finds the smallest part of a change that still turns a check green, by trying subsets of it: delta
 * debugging (ddmin, Zeller and Hildebrandt) with the most telling questions first. Each question costs
 * a run of the check, so no set is asked about twice, and a budget ends the search: what was found so
 * far is then the answer, and is not called the smallest.
 *
 * What a subset gives is not monotone (half a change may not compile), so nothing is concluded from
 * one set about another; an answer that did not come ("unknown") is never taken for green.
 */
export type Part = {
  /** Tells it apart from the others, and is the same in every call. */
  key: string;
  /** The file that it belongs to, as the change has it. */
  path: string;
  /** What it is by the hints: they order the questions, and decide nothing. */
  side: "source" | "judge";
};

export type Flip = "green" | "red" | "unknown";

export type NarrowInput<P extends Part> = {
  /** The whole change: with all of it the check is green, with none of it red. */
  parts: readonly P[];
  /** Run the check on the base with these parts of the change alone, in the order of `parts`. */
  flips: (kept: P[]) => Promise<Flip>;
  /** How often `flips` may be asked. */
  maxRuns: number;
  /** When the last question may begin, in milliseconds since 1970. */
  deadline: number;
  /** What other experiments have found out, so that nobody asks again. */
  known?: readonly { kept: readonly Part[]; answer: Flip }[];
  now?: () => number;
};

export type Narrowed<P extends Part> = {
  kept: P[];
  /** Whether without any one of `kept` it is not green, as far as an answer came. */
  smallest: boolean;
  /** How often `flips` was asked. */
  runs: number;
};

/** Of this many parts each is tried alone; of more, halves are. */
const fewFiles = 4;

/** Find it. Throws what `flips` throws. */
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
    // Neither side does it alone: first the source is made smaller, among all judges.
    const less = await minimize(source, search, judges);
    kept = [...less, ...(await minimize(judges, search, less))];
  }
  return search.end(await minimize(kept, search, []));
}

/**
 * Ddmin: each of a few files, else the halves; then what is left without each half, then finer pieces,
 * down to single parts. What is in `fixed` is always kept.
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
    // Of two pieces, each is what is left without the other.
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

/** The questions and their answers. */
class Search<P extends Part> {
  /** A question was left unasked: what is found is not known to be the smallest. */
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
