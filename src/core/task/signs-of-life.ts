/**
 * When a running agent was last seen to do something, by kind of evidence: ISO 8601 times. Null:
 * never so far, or it cannot be seen on this machine.
 */
export type SignsOfLife = {
  /** Words, a tool call, or a model call. */
  output: string | null;
  /** Its processes used the processor. */
  processor: string | null;
  /** Its processes read or wrote: files, pipes or the network. */
  bytes: string | null;
  /** A checkpoint was stored, because a file had changed. */
  files: string | null;
};

export const noSigns: SignsOfLife = { output: null, processor: null, bytes: null, files: null };

/** In words for people, the latest first: "output 3 s ago; processor 20 s ago". */
export function describeSigns(signs: SignsOfLife, now: Date): string {
  const names = {
    output: "output",
    processor: "processor time",
    bytes: "reading or writing",
    files: "a changed file",
  } as const;
  const seen = (Object.keys(names) as (keyof SignsOfLife)[]).flatMap((kind) => {
    const at = signs[kind];
    return at ? [{ name: names[kind], ago: now.getTime() - Date.parse(at) }] : [];
  });
  if (seen.length === 0) return "none so far";
  return seen
    .sort((left, right) => left.ago - right.ago)
    .map(({ ago, name }) => `${name} ${formatAgo(ago)} ago`)
    .join(", ");
}

/** "5 s", "12 min". */
export function formatAgo(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
