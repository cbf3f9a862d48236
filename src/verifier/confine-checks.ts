import type { Check } from "../core/verdict.ts";
import type { Denial } from "../sandbox/find-denials.ts";
import {
  type Confinement,
  defaultLimits,
  type Limits,
  type Network,
  noSandbox,
  type Sandbox,
} from "../sandbox/sandbox.ts";
import type { Mirror } from "../worktree/open-mirror.ts";

/**
 * What setup and checks may reach while they run on somebody's change: their own worktree and a home
 * and /tmp that setup and checks share and that go with the worktree; the mirror to look into; and
 * the network, which setup often needs to install and a check has no business with.
 */
export type CheckSandbox = {
  sandbox: Sandbox;
  network: { setup: Network; check: Network };
  limits: Limits;
  /** What a command tried in vain: evidence for the receipt. */
  onDenials: (check: Check, denials: readonly Denial[]) => void;
};

export type ConfinedPlace = Omit<CheckSandbox, "network" | "limits"> & {
  confinement: Confinement;
  setupNetwork: Network;
};

export function confineChecks(
  { sandbox, network, limits, onDenials }: CheckSandbox,
  { worktree, scratch, mirror }: { worktree: string; scratch: string; mirror: Mirror },
): ConfinedPlace {
  const confinement: Confinement = {
    writable: [worktree],
    readOnly: [{ path: mirror.gitDir }],
    scratch,
    network: network.check,
    limits,
  };
  return { sandbox, onDenials, confinement, setupNetwork: network.setup };
}

/** The same place for a setup command. */
export function forSetup<Place extends { confined?: ConfinedPlace }>(place: Place): Place {
  const { confined } = place;
  if (!confined) return place;
  const confinement = { ...confined.confinement, network: confined.setupNetwork };
  return { ...place, confined: { ...confined, confinement } };
}

export const unconfined: Pick<ConfinedPlace, "sandbox" | "confinement" | "onDenials"> = {
  sandbox: noSandbox(null),
  confinement: {
    ...{ writable: [], readOnly: [], scratch: null, limits: defaultLimits },
    network: { kind: "open" },
  },
  onDenials: () => {},
};
