import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../src/config.ts";
import { openBox } from "../src/confine-runs.ts";
import { scrubbedEnvironment } from "../src/sandbox/scrubbed-environment.ts";
import { makeSandboxBench, type SandboxBench } from "./support/sandbox.ts";

/** The box of a run: what its commands share, whoever comes first. */
let bench: SandboxBench;
beforeAll(async () => {
  bench = await makeSandboxBench();
});
afterAll(() => bench.remove());

test("commands that start at once share one way out, which is gone with the box", async () => {
  const scratch = join(bench.root, "run");
  await mkdir(scratch);
  const box = await openBox({
    config: loadConfig({ DEPUTY_HOME: join(bench.root, "home") }),
    sandbox: bench.sandbox,
    scratch,
    writable: [bench.worktree],
    readOnly: [],
    reach: ["registry.npmjs.org"],
    onProcess: () => {},
  });
  const spec = {
    argv: ["sh", "-c", "echo $HTTPS_PROXY"] as const,
    cwd: bench.worktree,
    env: scrubbedEnvironment(),
    timeoutMs: 30_000,
  };
  const [one, two] = await Promise.all([box.runCommand(spec), box.runCommand(spec)]);
  expect(one.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+/);
  expect(two.stdout).toBe(one.stdout);
  const sockets = async () => (await readdir(scratch)).filter((name) => name.endsWith(".sock"));
  expect(await sockets()).toHaveLength(1);
  await box.close();
  expect(await sockets()).toEqual([]);
});
