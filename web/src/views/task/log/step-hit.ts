/** The place of the next hit of `count`, in a circle; from none (-1) it is the first, or the last. */
export const stepHit = (here: number, by: 1 | -1, count: number): number =>
  here === -1 ? (by === 1 ? 0 : count - 1) : (here + by + count) % count;
