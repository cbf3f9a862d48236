import { join } from "node:path";
import type { Config } from "./config.ts";
import { openCheckNetworks } from "./confine-runs.ts";
import type { Log } from "./log.ts";
import { openSandbox } from "./sandbox/open-sandbox.ts";
import { describeSandbox, type Sandbox } from "./sandbox/sandbox.ts";

/** Find out which sandbox there is, say so, and open the ways out that checks have. */
export async function startSandbox(config: Config, log: Log) {
  const sandbox = await findSandbox(config);
  const level = sandbox.provider === "none" ? "warn" : "info";
  log[level]({ provider: sandbox.provider }, `sandbox: ${describeSandbox(sandbox)}`);
  if (sandbox.provider !== "none") for (const problem of config.sandbox.problems) log.warn(problem);
  const networks = await openCheckNetworks(config, (refusal) =>
    log.info(refusal, "setup or a check was refused a host"),
  );
  return { sandbox, checkNetworks: networks.of, close: networks.close };
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
