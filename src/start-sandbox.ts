import { join } from "node:path";
import type { Config } from "./config.ts";
import { DeputyError } from "./core/error.ts";
import type { Log } from "./log.ts";
import { openSandbox } from "./sandbox/open-sandbox.ts";
import { describeSandbox, type Sandbox } from "./sandbox/sandbox.ts";
import { findSandboxProblems } from "./sandbox-problems.ts";
import { findFullVolume } from "./watch-space.ts";
import { setGitView } from "./worktree/git.ts";

/** Find out which sandbox there is, have our git work on agents' files in it, and say so. */
export async function startSandbox(config: Config, log: Log): Promise<Sandbox> {
  const sandbox = await findSandbox(config);
  // A sandbox that only could not write its files is there: nobody may take that for a machine without.
  const isMissed = sandbox.provider === "none" && config.sandbox.provider !== "none";
  const full = isMissed ? await findFullVolume(config.paths.sandbox) : null;
  if (full !== null)
    throw new DeputyError("insufficient_storage", `The sandbox cannot be opened. ${full}`);
  setGitView(sandbox.limitView);
  const level = sandbox.provider === "none" ? "warn" : "info";
  log[level](
    { provider: sandbox.provider },
    `sandbox: ${describeSandbox(sandbox, config.sandbox.allowTriggers)}`,
  );
  for (const problem of findSandboxProblems(config.sandbox, sandbox)) log.warn(problem);
  return sandbox;
}

/** The sandbox that the configuration asks for, tried once. */
export function findSandbox({ home, paths, sandbox }: Config): Promise<Sandbox> {
  return openSandbox({
    wanted: sandbox.provider,
    stateDir: paths.sandbox,
    secrets: [
      paths.token,
      join(home, "config.yaml"),
      paths.daemonFile,
      paths.triggers,
      paths.artifacts,
      paths.logs,
      join(home, "pg"),
    ],
  });
}
