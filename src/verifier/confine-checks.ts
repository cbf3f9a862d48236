import type { Refused } from "../core/confinement.ts";
import type { Check } from "../core/verdict.ts";
import type { Denial } from "../sandbox/find-denials.ts";
import { type CommandSpec, runCommand } from "../sandbox/run-command.ts";
import type { ConfinedResult } from "../sandbox/sandbox.ts";
import type { Mirror } from "../worktree/open-mirror.ts";

/**
 * What setup and checks may reach while they run on somebody's change: their own worktree and a home
 * and /tmp that setup and checks share and that go with the worktree; the mirror to look into; and
 * the network, which setup often needs to install and a check has no business with.
 */
export type CheckSandbox = {
  /** What of it has a part in how a command ends, for who keeps results. */
  traits: readonly unknown[];
  /** Whether checks in two boxes can meet nowhere: each has a network of its own and no way out of it. */
  apart: boolean;
  openBoxes(place: BoxPlace): Promise<CheckBoxes>;
  /** What a command tried in vain: evidence for the receipt. */
  onDenials: (by: CheckRole, check: Check, denials: readonly Denial[]) => void;
};

export type CheckRole = Exclude<NonNullable<Refused["by"]>, "agent">;

export type BoxPlace = { worktree: string; reports: string; scratch: string; mirror: Mirror };

type RunBoxed = (spec: CommandSpec) => Promise<ConfinedResult>;
export type CheckBoxes = Record<CheckRole, RunBoxed> & { close(): Promise<void> };
export type ConfinedPlace = CheckBoxes & Pick<CheckSandbox, "onDenials">;

/** As the daemon's user. */
const runFree: RunBoxed = async (spec) => ({
  ...(await runCommand(spec)),
  limit: null,
  denials: [],
});
export const unconfined: ConfinedPlace = {
  setup: runFree,
  check: runFree,
  close: async () => {},
  onDenials: () => {},
};

/** The same sandbox, and the list of what its commands are refused from now on. */
export function collectRefused(sandbox: CheckSandbox | undefined): {
  sandbox: CheckSandbox | undefined;
  refused: Refused[];
} {
  const refused: Refused[] = [];
  const onDenials: CheckSandbox["onDenials"] = (by, check, denials) => {
    sandbox?.onDenials(by, check, denials);
    for (const { what, detail, known } of denials) refused.push({ by, what, detail, known });
  };
  return { sandbox: sandbox && { ...sandbox, onDenials }, refused };
}
