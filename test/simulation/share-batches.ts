import type { Batch } from "./simulate.ts";

/** What plays batches, one at a time: a thread. */
export type Player = { play(seed: number): Promise<Batch>; end(): Promise<void> };

export type Played = {
  counts: Map<string, number>;
  taken: number;
  /** By seed, which is all that is needed to see the failure again. */
  failures: { seed: number; error: unknown }[];
};

/**
 * Plays the batches of `seed`, `seed + 1`, … on all players until they have `steps` steps, or one failed. The
 * first batches that have so many count, so the result depends on neither the players nor their speed.
 */
export async function shareBatches(
  players: readonly Player[],
  seed: number,
  steps: number,
): Promise<Played> {
  const batches = new Map<number, Batch>();
  const failures: Played["failures"] = [];
  let next = seed;
  let ahead = 0;
  const keepPlaying = async (player: Player): Promise<void> => {
    while (ahead < steps && failures.length === 0) {
      const mine = next++;
      try {
        const batch = await player.play(mine);
        batches.set(mine, batch);
        ahead += batch.steps;
      } catch (error) {
        failures.push({ seed: mine, error });
      }
    }
  };
  await Promise.all(players.map(keepPlaying));
  const counts = new Map<string, number>();
  let taken = 0;
  for (let at = seed; at < next && taken < steps; at++) {
    const batch = batches.get(at);
    taken += batch?.steps ?? 0;
    for (const [what, times] of batch?.counts ?? [])
      counts.set(what, (counts.get(what) ?? 0) + times);
  }
  return { counts, taken, failures: failures.sort((a, b) => a.seed - b.seed) };
}
