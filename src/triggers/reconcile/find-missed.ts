/**
 * Which deliveries of a hook's log nobody took: of all with one guid none was answered with success.
 * Those of the last moments may still be on their way. Pure.
 */
export type Logged = { id: number; guid: string; event: string; isTaken: boolean; at: Date };

const onTheirWayMs = 60_000;

/** One for each guid, the oldest first. */
export function findMissed(
  logged: readonly Logged[],
  events: ReadonlySet<string>,
  now: Date,
): Logged[] {
  const byGuid = new Map<string, Logged[]>();
  for (const one of logged) byGuid.set(one.guid, [...(byGuid.get(one.guid) ?? []), one]);
  return [...byGuid.values()]
    .flatMap((group) => {
      const last = group.toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
      const isMissed =
        last !== undefined &&
        !group.some(({ isTaken }) => isTaken) &&
        events.has(last.event) &&
        now.getTime() - last.at.getTime() > onTheirWayMs;
      return isMissed ? [last] : [];
    })
    .toSorted((a, b) => a.at.getTime() - b.at.getTime());
}
