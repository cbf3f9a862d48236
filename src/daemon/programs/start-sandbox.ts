import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import { pathOfApp } from "../../config/github-app.ts";
import { findSandboxProblems } from "../../config/sandbox-problems.ts";
import { DeputyError } from "../../core/base/error.ts";
import { openSandbox } from "../../sandbox/box/open-sandbox.ts";
import { type CommandRunner, describeSandbox, type Sandbox } from "../../sandbox/box/sandbox.ts";
import type { Log } from "../home/log.ts";
import { findFullVolume } from "../housekeeping/probe-volume.ts";

/** Finds and logs the sandbox of this machine. `runCommand` starts confined commands. */
export async function startSandbox(
  config: Config,
  log: Log,
  runCommand: CommandRunner,
): Promise<Sandbox> {
  const sandbox = await findSandbox(config);
  // A sandbox that only could not write its files exists: this is no machine without one.
  const isMissed = sandbox.provider === "none" && config.sandbox.provider !== "none";
  const full = isMissed ? await findFullVolume(config.paths.sandbox) : null;
  if (full !== null)
    throw new DeputyError("insufficient_storage", `The sandbox cannot be opened. ${full}`);
  const level = sandbox.provider === "none" ? "warn" : "info";
  log[level](
    { provider: sandbox.provider },
    `sandbox: ${describeSandbox(sandbox, config.sandbox.allowTriggers)}`,
  );
  for (const problem of findSandboxProblems(config.sandbox, sandbox)) log.warn(problem);
  return { ...sandbox, runCommand };
}

/** The sandbox that the configuration asks for, tried once. */
export function findSandbox({ home, paths, sandbox }: Config): Promise<Sandbox> {
  return openSandbox({
    wanted: sandbox.provider,
    stateDir: paths.sandbox,
    show: sandbox.show,
    secrets: [
      paths.token,
      paths.pushKey,
      paths.webPushKey,
      pathOfApp(home),
      join(home, "config.yaml"),
      paths.daemonFile,
      paths.triggers,
      paths.artifacts,
      paths.logs,
      join(home, "pg"),
    ],
  });
}
