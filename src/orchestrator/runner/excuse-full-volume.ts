import type { FailureKind } from "../../core/task/failure.ts";
import type { Outcome } from "../../core/task/outcome.ts";

/** Which volumes are full or low, and whether an error says so; in sentences. */
export type Space = {
  problems(): readonly string[];
  low(): readonly string[];
  look(): Promise<readonly string[]>;
  explain(error: unknown): Promise<string | null>;
};

/** What an error says of space; one that says nothing of it counts for nothing while a volume is full. */
export async function findFullVolume(error: unknown, space: Space): Promise<string | null> {
  return (await space.explain(error)) ?? (await space.look())[0] ?? null;
}

/**
 * A bad end counts for nothing while a volume is full: nobody can tell whether the work was bad, or
 * only could not be written. What ended well stands, and so does what was killed for a limit of its own.
 */
export async function excuseFullVolume(outcome: Outcome, space: Space): Promise<Outcome> {
  if (outcome.kind === "broken") {
    const full = await findFullVolume(outcome.detail, space);
    return full === null ? outcome : { kind: "no_space", detail: full };
  }
  if (!mayBeForSpace(outcome)) return outcome;
  const [full] = await space.look();
  if (full === undefined) return outcome;
  if (outcome.kind !== "attempted") return { kind: "no_space", detail: full };
  return { ...outcome, failure: "no_space", detail: `${full} (${outcome.detail})` };
}

const agentsFaults: ReadonlySet<FailureKind | null> = new Set([
  null,
  "agent_failed",
  "agent_unavailable",
  "infrastructure",
  "no_change",
  "setup_failed",
] as const);

function mayBeForSpace(outcome: Outcome): boolean {
  switch (outcome.kind) {
    case "refused":
    case "gate_failed":
      return true;
    case "verified":
      return outcome.verdict.result !== "pass";
    case "attempted": {
      const { confinement, failure, reason } = outcome;
      const isLimited = confinement?.denials.some(({ what }) => what === "limit") ?? false;
      return (
        (reason === "crashed" || reason === "gave_up") && agentsFaults.has(failure) && !isLimited
      );
    }
    default:
      return false;
  }
}
