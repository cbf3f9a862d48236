import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";

/**
 * Start a program that outlives this one: its own session, no terminal, output appended to a file
 * that only its owner can read. Resolves once it runs; `exited` tells if it ends while we watch.
 */
export async function spawnDetached(
  argv: readonly [string, ...string[]],
  options: { logPath: string; env: NodeJS.ProcessEnv },
): Promise<{ pid: number; exited: Promise<number | null> }> {
  const log = openSync(options.logPath, "a", 0o600);
  try {
    const [program, ...args] = argv;
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", log, log],
      env: options.env,
    });
    const exited = new Promise<number | null>((resolve) =>
      child.once("exit", (code) => resolve(code)),
    );
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    return { pid: child.pid ?? 0, exited };
  } finally {
    closeSync(log);
  }
}
