import type { Refused } from "../../core/proof/confinement.ts";
import type { Check } from "../../core/proof/verdict.ts";
import type { Denial } from "../../sandbox/box/find-denials.ts";
import type { ConfinedResult } from "../../sandbox/box/sandbox.ts";
import { type CommandSpec, runCommand } from "../../sandbox/process/run-command.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";

/**
 * The sandbox of setup and checks. They reach their own worktree, a home and a /tmp that both share
 * and that are removed with the worktree, and the mirror for reading. Setup also reaches the
 * network, which it often needs to install; a check does not.
 */
export type CheckSandbox = {
  /** Traits of the sandbox that affect how a command ends, for cache keys. */
  traits: readonly unknown[];
  /** Whether checks in two boxes cannot meet: each has its own network without a way out. */
  apart: boolean;
  /** Whether nothing but setup can write what it makes, so that it may be kept. */
  keepsSetup: boolean;
  openBoxes(place: BoxPlace): Promise<CheckBoxes>;
  /** Called with what a command was refused, as evidence for the receipt. */
  onDenials: (by: CheckRole, check: Check, denials: readonly Denial[]) => void;
};

export type CheckRole = Exclude<NonNullable<Refused["by"]>, "agent">;

export type BoxPlace = {
  worktree: string;
  reports: string;
  scratch: string;
  mirror: Mirror;
  /** Commands start at the path that every box has for its worktree: `Confinement.startsInside`. */
  startsInside?: boolean;
};

type RunBoxed = (spec: CommandSpec) => Promise<ConfinedResult>;
export type CheckBoxes = Record<CheckRole, RunBoxed> & {
  /** The folder that is their home; null: they have none of their own. */
  home: string | null;
  close(): Promise<void>;
};
export type ConfinedPlace = CheckBoxes & Pick<CheckSandbox, "onDenials">;

/** Runs a command as the daemon's user. */
const runFree: RunBoxed = async (spec) => ({
  ...(await runCommand(spec)),
  limit: null,
  denials: [],
});
export const unconfined: ConfinedPlace = {
  setup: runFree,
  check: runFree,
  home: null,
  close: async () => {},
  onDenials: () => {},
};

/** Wraps the sandbox so that everything its commands are refused is collected in a list. */
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
