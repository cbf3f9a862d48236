import { signalGroup } from "./kill-group.ts";
import { identifyProcess, isProcessAlive, type ProcessIdentity } from "./process-identity.ts";
import type { Confined, Confinement, Inside, LimitHit, Sandbox } from "./sandbox.ts";
import { moreMemory, watchLimits } from "./watch-limits.ts";

/**
 * The limits of all that runs in one box together, from the start of what opened it to its end: who
 * passes one is killed with everything inside. Without a sandbox nothing is held.
 */
export type LimitsHold = {
  /** What goes into the command's spec. */
  onStarted: (identity: ProcessIdentity) => void;
  /** Kill all of it for this limit; the first one counts. */
  stopFor(hit: LimitHit): void;
  /** After its end, when nothing inside writes any more: for which limit it was killed. */
  end(): Promise<LimitHit | null>;
};

export function holdLimits(
  { provider }: Sandbox,
  confined: Confined,
  { limits, scratch, state, writable }: Confinement,
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
          folders: [...writable, ...state, ...(scratch === null ? [] : [scratch])],
          onHit: stopFor,
        });
  // Early, so that its end can be waited for, also when it does not last until a limit is looked at.
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

/** No grace: who takes all there is uses the time for more of it. */
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

/** The first process of a namespace goes after all others in it: then nothing writes any more. */
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
