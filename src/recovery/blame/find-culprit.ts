/**
 * Which step of a branch turned a check red. Pure but for `probe`, which tells how the check ends at
 * a step. The last step is the most likely one and is asked about first, then a binary search: at
 * most ⌈log2 n⌉ + 1 probes of n steps. An answer that is neither green nor red ends the search: no
 * work is rolled back on a guess.
 */
export type Probed = "green" | "red" | "unknown";

/**
 * `steps`: oldest first; the check is green before the first and red at the last. Returns the first
 * step where it is red, or null.
 */
export async function findCulprit<Step>(
  steps: readonly Step[],
  probe: (step: Step) => Promise<Probed>,
): Promise<Step | null> {
  let green = -1;
  let red = steps.length - 1;
  if (red < 0) return null;
  for (let at = red - 1; red - green > 1; at = Math.floor((green + red) / 2)) {
    const step = steps[at];
    const answer = step === undefined ? "unknown" : await probe(step);
    if (answer === "unknown") return null;
    if (answer === "green") green = at;
    else red = at;
  }
  return steps[red] ?? null;
}
