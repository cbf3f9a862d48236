import { delimiter } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { holdLimits } from "../limits/hold-limits.ts";
import type { CommandResult, CommandSpec } from "../process/run-command.ts";
import { type Denial, findDenials } from "./find-denials.ts";
import { explainMissing } from "./find-hidden.ts";
import { isWithin } from "./guard-paths.ts";
import type { ConfinedResult, Confinement, LimitHit, Sandbox } from "./sandbox.ts";

/**
 * `runCommand` in a sandbox. The result is the same as without one, plus the limit the command was
 * killed for and what it was denied. An impossible confinement yields a command that could not
 * start; nothing ever runs unconfined instead.
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
  const hold = holdLimits(sandbox, confined, confinement);
  let ended: CommandResult;
  let hit: LimitHit | null = null;
  try {
    ended = await sandbox.runCommand({
      ...confined.spec,
      onStarted: (identity) => {
        hold.onStarted(identity);
        spec.onStarted?.(identity);
      },
    });
  } finally {
    hit = await hold.end();
    await confined.tidy();
  }
  const result = tell(confined.readResult(ended), hit);
  const missed = await findMissed(sandbox, spec, result);
  const isFree = sandbox.provider === "none";
  const denials = isFree ? [] : findDenials(result.output, sandbox.hidden);
  return {
    ...{ ...result, missed, limit: hit },
    denials: [...(hit ? [limitDenial(hit)] : []), ...denials],
  };
}

/** Names a program that the command did not find though this machine has it. */
async function findMissed(
  sandbox: Sandbox,
  { argv, cwd, env }: CommandSpec,
  { endedBy, exitCode, output }: CommandResult,
): Promise<string | null> {
  if (endedBy === "abort" || exitCode === 0) return null;
  const program = endedBy === "not_started" ? (argv[0] ?? null) : null;
  if (program?.includes("/")) return null;
  // A PATH may lead into the worktree, where links are the agent's.
  const path = (env.PATH ?? "").split(delimiter).filter((folder) => !isWithin(folder, cwd));
  const isShown = await sandbox.makeIsShown(env);
  const looked = { env: { ...env, PATH: path.join(delimiter) }, isShown, remedy };
  return explainMissing({ output, program }, looked);
}

const remedy =
  "name its folder under sandbox.show in config.yaml, or install it in a folder of its own on PATH";

function neverStarted(error: string): ConfinedResult {
  return {
    ...{ endedBy: "not_started", exitCode: null, signal: null, output: "", stdout: "" },
    ...{ truncatedBytes: 0, durationMs: 0, error, limit: null, denials: [] },
  };
}

/** Reports the limit as the cause of the end, whichever part noticed it first. */
function tell(result: CommandResult, hit: LimitHit | null): CommandResult {
  if (!hit) return result;
  const error = `killed by the sandbox: ${hit.detail}`;
  return { ...result, endedBy: "exit", exitCode: null, signal: "SIGKILL", error };
}

export function limitDenial({ detail }: LimitHit): Denial {
  return { what: "limit", detail, known: "enforced" };
}
