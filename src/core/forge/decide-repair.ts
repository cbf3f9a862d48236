/**
 * Whether a red head of a pull request of ours, or another review of it, is worked on once more by
 * itself. Every chain of repairs has an end: so many in a row, so many in all, and none for a failure
 * that came back.
 * Pure, from the rows of what was decided before.
 */
export type Repair = {
  /** The head's commit, or the review's id. */
  key: string;
  /** What failed, without what differs from run to run; null: it plays no part. */
  signature: string | null;
  /** A person had a hand in it, so what was before does not count. */
  startsOver: boolean;
  decision: "repair" | "hand_over";
};

const maxRepairs = 3;
/** Whoever had a hand in it: a program that pushes or reviews as a person does may answer us for ever. */
const maxInAll = 10;

/** How the end of delivered work begins that a person has to look after. */
export const needsPerson = "A person is needed: ";

/** Null: it is worked on; else why a person is called. `earlier`: oldest first. */
export function whyNoRepair(
  repair: Pick<Repair, "key" | "signature" | "startsOver">,
  earlier: readonly Repair[],
  what: string,
): string | null {
  const others = earlier.filter(({ key }) => key !== repair.key);
  const repairs = others.filter(({ decision }) => decision === "repair").length;
  if (repairs >= maxInAll) return `${what} after ${repairs} repairs in all`;
  if (repair.startsOver) return null;
  const start = others.findLastIndex(({ startsOver }) => startsOver);
  const series = others.slice(Math.max(0, start));
  const isBack =
    repair.signature !== null && series.some((one) => one.signature === repair.signature);
  if (isBack) return `${what} in the same way as before the last repair`;
  if (series.length < maxRepairs) return null;
  return `${what} after ${series.length} repairs`;
}
