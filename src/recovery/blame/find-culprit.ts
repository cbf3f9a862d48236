/**
 * Which step of a branch turned a check red. Pure but for `probe`, which tells how the check ends at
 * a step. The last step is the most likely one and is asked about first, then the rest is divided:
 * at most ⌈log2 n⌉ + 2 probes of n steps, several of them at once where that ends the search in
 * fewer rounds. An answer that is neither green nor red ends the search: no work is rolled back on a
 * guess.
 */
export type Probed = "green" | "red" | "unknown";

/**
 * `steps`: oldest first; the check is green before the first and red at the last. `atOnce`: how many
 * probes may run at the same time. Returns the first step where the check is red, or null.
 */
export async function findCulprit<Step>(
  steps: readonly Step[],
  probe: (step: Step) => Promise<Probed>,
  atOnce = 1,
): Promise<Step | null> {
  let green = -1;
  let red = steps.length - 1;
  if (red < 0) return null;
  let left = Math.ceil(Math.log2(steps.length)) + 2;
  for (let isFirst = true; red - green > 1; isFirst = false) {
    const places = choosePlaces({ green, red, left, atOnce, isFirst });
    left -= places.length;
    const answers = await Promise.all(
      places.map(async (at) => {
        const step = steps[at];
        return { at, answer: step === undefined ? "unknown" : await probe(step) };
      }),
    );
    if (answers.some(({ answer }) => answer === "unknown")) return null;
    const isRed = ({ answer }: { answer: Probed }) => answer === "red";
    const firstRed = answers.find(isRed)?.at ?? red;
    // What is green after a red step was mended there and broken once more: the first one counts.
    green = Math.max(green, ...answers.flatMap(({ at }) => (at < firstRed ? [at] : [])));
    red = firstRed;
  }
  return steps[red] ?? null;
}

/** The steps to ask about next, oldest first: as many at once as leave enough probes for the rest. */
function choosePlaces(search: {
  green: number;
  red: number;
  left: number;
  atOnce: number;
  isFirst: boolean;
}): number[] {
  const { atOnce, green, isFirst, left, red } = search;
  const last = isFirst ? [red - 1] : [];
  const until = isFirst ? red - 1 : red;
  const between = until - green - 1;
  let places = last;
  for (let count = 1; count <= Math.min(atOnce - last.length, between); count++) {
    const even = Array.from({ length: count }, (_, index) =>
      Math.floor(green + ((index + 1) * (until - green)) / (count + 1)),
    );
    const all = [...even, ...last];
    const widest = Math.max(
      ...all.map((at, index) => at - (all[index - 1] ?? green)),
      red - (all.at(-1) ?? green),
    );
    if (all.length + Math.ceil(Math.log2(widest)) <= left) places = all;
  }
  return places.length > 0 ? places : [Math.floor((green + red) / 2)];
}
