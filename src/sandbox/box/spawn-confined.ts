import { startRunningTimer } from "../../core/base/running-timer.ts";
import { holdLimits } from "../limits/hold-limits.ts";
import type { CommandSpec } from "../process/run-command.ts";
import { type PipedProcess, spawnPiped } from "../process/spawn-piped.ts";
import type { Confinement, LimitHit, Sandbox } from "./sandbox.ts";

/**
 * `spawnPiped` in a sandbox, within the limits that a command has there: memory, processes and disk
 * of all that it starts together, and time. Its end says in words for which it was killed. Rejects
 * when the program, or its confinement, cannot be.
 */
export async function spawnConfined(
  sandbox: Sandbox,
  spec: Pick<CommandSpec, "argv" | "cwd" | "env" | "timeoutMs" | "onStarted">,
  confinement: Confinement,
  onLimit: (hit: LimitHit) => void,
): Promise<PipedProcess> {
  const confined = await sandbox.confine(spec, confinement);
  const hold = holdLimits(sandbox, confined, confinement);
  const tooLong = startRunningTimer(spec.timeoutMs, () =>
    hold.stopFor({ limit: "time", detail: `it ran for more than ${seconds(spec)} s` }),
  );
  const conclude = async () => {
    tooLong.stop();
    const hit = await hold.end();
    await confined.tidy();
    return hit;
  };
  try {
    const piped = await spawnPiped({
      ...confined.spec,
      onStarted: (identity) => {
        hold.onStarted(identity);
        spec.onStarted?.(identity);
      },
    });
    const ended = piped.ended.then(async (how) => {
      const hit = await conclude();
      if (hit) onLimit(hit);
      return hit ? `killed by the sandbox: ${hit.detail}` : how;
    });
    const stop = async () => {
      await piped.stop();
      await ended;
    };
    return { ...piped, ended, stop };
  } catch (error) {
    await conclude();
    throw error;
  }
}

function seconds({ timeoutMs }: { timeoutMs: number }): number {
  return Math.round(timeoutMs / 1_000);
}
