import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { median, startDaemon, usageOf } from "./support.mjs";

/**
 * What a daemon with nothing to do costs, and how long a verb of the command line takes to start. For
 * two minutes: once in a while V8 collects garbage for a quarter of a second.
 */
const seconds = Number(process.env.BENCH_IDLE_S ?? 120);

export async function benchIdle() {
  const daemon = await startDaemon();
  await sleep(5_000); // what a start leaves to do is done
  const before = await usageOf(daemon.pid);
  await sleep(seconds * 1_000);
  const after = await usageOf(daemon.pid);
  const starts = Array.from({ length: 7 }, () => {
    const startedAt = performance.now();
    execFileSync(process.execPath, [daemon.main, "ls"], { env: daemon.env });
    return performance.now() - startedAt;
  });
  await daemon.stop();
  return {
    idleS: seconds,
    cpuShare: (after.cpuS - before.cpuS) / seconds,
    rssMb: after.rssMb,
    cliMs: median(starts),
  };
}
