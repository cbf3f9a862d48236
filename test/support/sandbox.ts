import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { openSandbox } from "../../src/sandbox/box/open-sandbox.ts";
import { runConfined } from "../../src/sandbox/box/run-confined.ts";
import {
  type ConfinedResult,
  type Confinement,
  defaultLimits,
  type Sandbox,
} from "../../src/sandbox/box/sandbox.ts";
import type { CommandSpec } from "../../src/sandbox/process/run-command.ts";

/** A sandbox, a folder that its commands may write, and a daemon's home that they may not see. */
export type SandboxBench = {
  sandbox: Sandbox;
  root: string;
  worktree: string;
  confinement: Confinement;
  run(
    command: string | readonly [string, ...string[]],
    more?: Partial<Confinement>,
    spec?: Partial<CommandSpec>,
  ): Promise<ConfinedResult>;
  remove(): Promise<void>;
};

export async function makeSandboxBench(
  wanted: "bubblewrap" | "sandbox-runtime" = "bubblewrap",
): Promise<SandboxBench> {
  const root = await mkdtemp(join(tmpdir(), "deputy-sandbox-"));
  const worktree = await mkdtemp(join(root, "worktree-"));
  const sandbox = await openSandbox({
    ...{ wanted, stateDir: join(root, "state"), secrets: [join(root, "home", "token")] },
  });
  const confinement: Confinement = {
    ...{ writable: [worktree], state: [], readOnly: [], scratch: null },
    ...{ network: { kind: "none" }, limits: defaultLimits },
  };
  return {
    ...{ sandbox, root, worktree, confinement },
    run: (command, more = {}, spec = {}) =>
      runConfined(
        sandbox,
        {
          argv: typeof command === "string" ? ["sh", "-c", command] : command,
          cwd: worktree,
          env: scrubbedEnvironment(),
          timeoutMs: 30_000,
          ...spec,
        },
        { ...confinement, ...more },
      ),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}
