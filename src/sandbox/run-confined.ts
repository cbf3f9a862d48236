import { DeputyError } from "../core/error.ts";
import { type Denial, findDenials } from "./find-denials.ts";
import { signalGroup } from "./kill-group.ts";
import { identifyProcess, isProcessAlive, type ProcessIdentity } from "./process-identity.ts";
import { type CommandResult, type CommandSpec, runCommand } from "./run-command.ts";
import type { ConfinedResult, Confinement, Inside, LimitHit, Sandbox } from "./sandbox.ts";
import { watchLimits } from "./watch-limits.ts";

/**
 * `runCommand` in a sandbox. The result is what it would be without one, and says beside that for
 * which limit the command was killed and what it tried in vain. A confinement that cannot be is a
 * command that could not start; nothing is ever run unconfined instead.
 */
export async function runConfined(
  sandbox: Sandbox,
  spec: CommandSpec,
  confinement: Confinement,
): Promise<ConfinedResult> {
  const confined = await sandbox.confine(spec, confinement).catch((error: unknown) => {
    if (error instanceof DeputyError) return error;
    throw error;
  });
  if (confined instanceof DeputyError) return neverStarted(confined.message);
  let leader: ProcessIdentity | null = null;
  let hit: LimitHit | null = null;
  let inside: Inside | null = null;
  const look = () => {
    inside ??= leader ? confined.findInside(leader.pid) : null;
    return inside;
  };
  const stopWatching = isConfining(sandbox)
    ? watchLimits({
        findInside: look,
        limits: confinement.limits,
        holdsProcesses: confined.holdsProcesses,
        folders: [...confinement.writable, ...(confinement.scratch ? [confinement.scratch] : [])],
        onHit: (found, where) => {
          hit = found;
          kill(where, leader);
        },
      })
    : () => {};
  // Early, so that its end can be waited for, also when it does not last until a limit is looked at.
  const firstLook = setTimeout(look, firstLookMs);
  let ended: CommandResult;
  try {
    ended = await runCommand({
      ...confined.spec,
      onStarted: (identity) => {
        leader = identity;
        spec.onStarted?.(identity);
      },
    });
    await untilGone(inside);
  } finally {
    clearTimeout(firstLook);
    stopWatching();
    await confined.tidy();
  }
  const result = tell(confined.readResult(ended), hit);
  const denials = isConfining(sandbox) ? findDenials(result.output, sandbox.hidden) : [];
  return { ...result, limit: hit, denials: [...limitDenial(hit), ...denials] };
}

function isConfining({ provider }: Sandbox): boolean {
  return provider !== "none";
}

function neverStarted(error: string): ConfinedResult {
  return {
    ...{ endedBy: "not_started", exitCode: null, signal: null, output: "", stdout: "" },
    ...{ truncatedBytes: 0, durationMs: 0, error, limit: null, denials: [] },
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

/** Killed for a limit, whoever happened to notice first. */
function tell(result: CommandResult, hit: LimitHit | null): CommandResult {
  if (!hit) return result;
  const error = `killed by the sandbox: ${hit.detail}`;
  return { ...result, endedBy: "exit", exitCode: null, signal: "SIGKILL", error };
}

function limitDenial(hit: LimitHit | null): Denial[] {
  return hit ? [{ what: "limit", detail: hit.detail, known: "enforced" }] : [];
}
