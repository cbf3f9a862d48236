import type { Confined, Confinement, Inside, LimitHit, Sandbox } from "../box/sandbox.ts";
import { signalGroup } from "../process/kill-group.ts";
import {
  identifyProcess,
  isProcessAlive,
  type ProcessIdentity,
} from "../process/process-identity.ts";
import { moreMemory, watchLimits } from "./watch-limits.ts";

/**
 * Enforces the limits of everything in one box, from the start of its opener to its end: when a
 * limit is passed, everything inside is killed. Without a sandbox nothing is enforced.
 */
export type LimitsHold = {
  /** For the command's spec. */
  onStarted: (identity: ProcessIdentity) => void;
  /** Kills everything for this limit; the first one counts. */
  stopFor(hit: LimitHit): void;
  /** Resolves, once nothing inside can write any more, with the limit it was killed for. */
  end(): Promise<LimitHit | null>;
};

export function holdLimits(
  { provider }: Sandbox,
  confined: Confined,
  { home, limits, scratch, state, writable }: Confinement,
): LimitsHold {
  let leader: ProcessIdentity | null = null;
  let hit: LimitHit | null = null;
  let inside: Inside | null = null;
  const look = () => {
    inside ??= leader ? confined.findInside(leader.pid) : null;
    return inside;
  };
  const stopFor = (found: LimitHit) => {
    hit ??= found;
    kill(look(), leader);
  };
  const stopWatching =
    provider === "none"
      ? () => {}
      : watchLimits({
          ...{ findInside: look, limits, confined },
          folders: [...writable, ...state, scratch ?? [], home ?? []].flat(),
          onHit: stopFor,
        });
  // Early, so that the end inside can be awaited even for a command shorter than the first check.
  const firstLook = setTimeout(look, firstLookMs);
  return {
    onStarted: (identity) => {
      leader = identity;
    },
    stopFor,
    end: async () => {
      clearTimeout(firstLook);
      stopWatching();
      await untilGone(inside);
      if (confined.ranOut()) hit ??= { limit: "memory", detail: moreMemory(limits) };
      return hit;
    },
  };
}

/** No grace period: a process that takes all resources would use it to take more. */
function kill(inside: Inside | null, leader: ProcessIdentity | null): void {
  const first = inside?.initPid ?? null;
  if (first !== null) {
    try {
      process.kill(first, "SIGKILL");
    } catch {
      // gone already
    }
  }
  if (leader) signalGroup(leader.pid, "SIGKILL");
}

/** A namespace's first process ends after all others in it: then nothing can write any more. */
async function untilGone(inside: Inside | null): Promise<void> {
  const first = inside?.initPid ?? null;
  const identity = first === null ? null : identifyProcess(first);
  for (let look = 0; identity && isProcessAlive(identity) && look < maxLooks; look++) {
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

const firstLookMs = 15;
const lookMs = 5;
const maxLooks = 400;
