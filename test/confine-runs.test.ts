import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inHome, makeHome } from "../src/agents/cli/make-home.ts";
import { loadConfig } from "../src/config/config.ts";
import { scrubbedEnvironment } from "../src/core/base/child-environment.ts";
import { type Box, type BoxOptions, openBox } from "../src/roles/box.ts";
import type { Limits } from "../src/sandbox/box/sandbox.ts";
import { makeSandboxBench, type SandboxBench } from "./support/sandbox.ts";

/** The box of a run: what its commands share, whoever comes first. */
let bench: SandboxBench;
beforeAll(async () => {
  bench = await makeSandboxBench();
  await mkdir(join(bench.root, "user"));
  await writeFile(
    join(bench.root, "user", ".npmrc"),
    "//scoped.example/:_authToken=canary\n@acme:registry=https://scoped.example/\n",
  );
});
afterAll(() => bench.remove());

const configure = () =>
  loadConfig({ DEPUTY_HOME: join(bench.root, "home"), HOME: join(bench.root, "user") });

async function makeBox(given: Partial<BoxOptions>): Promise<{ box: Box; scratch: string }> {
  const scratch = await mkdtemp(join(bench.root, "run-"));
  const config = configure();
  const box = await openBox({
    ...{ config, sandbox: bench.sandbox, scratch, writable: [bench.worktree], readOnly: [] },
    ...{ reach: [], timeoutMs: 60_000, onProcess: () => {} },
    ...given,
  });
  return { box, scratch };
}

test("commands that start at once share one way out, which is gone with the box", async () => {
  const { box, scratch } = await makeBox({ reach: ["registry.npmjs.org"] });
  const spec = {
    argv: ["sh", "-c", "echo $HTTPS_PROXY; cat ~/.npmrc"] as const,
    cwd: bench.worktree,
    env: scrubbedEnvironment(),
    timeoutMs: 30_000,
  };
  const [one, two] = await Promise.all([box.runCommand(spec), box.runCommand(spec)]);
  expect(one.stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+/);
  expect(one.stdout).toMatch(/\n@acme:registry=https:\/\/scoped\.example\/\n$/);
  expect(one.stdout).not.toContain("canary");
  expect(two.stdout).toBe(one.stdout);
  const sockets = async () => (await readdir(scratch)).filter((name) => name.endsWith(".sock"));
  expect(await sockets()).toHaveLength(1);
  await box.close();
  expect(await sockets()).toEqual([]);
});

test("every client's proxy is the box's own, and the daemon's are not passed in", async () => {
  const outer = "http://outer.example:3128";
  const spec = {
    ...{ argv: ["env"] as const, cwd: bench.worktree, timeoutMs: 30_000 },
    env: scrubbedEnvironment(
      {},
      {
        ...{ PATH: process.env.PATH, YARN_HTTPS_PROXY: outer, npm_config_proxy: outer },
        ...{ ALL_PROXY: outer, GRADLE_OPTS: "-Dhttp.proxyHost=outer.example" },
      },
    ),
  };
  const read = async (reach: string[]) => {
    const { box } = await makeBox({ reach });
    const { stdout } = await box.runCommand(spec);
    await box.close();
    return new Map(stdout.split("\n").map((line) => line.split(/=(.*)/s, 2) as [string, string]));
  };
  const env = await read(["registry.npmjs.org"]);
  const proxy = env.get("HTTPS_PROXY") ?? "";
  const { port } = new URL(proxy);
  for (const name of [
    ...["https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "CARGO_HTTP_PROXY"],
    ...["npm_config_proxy", "npm_config_https_proxy", "YARN_HTTP_PROXY", "YARN_HTTPS_PROXY"],
  ])
    expect([name, env.get(name)]).toEqual([name, proxy]);
  for (const name of ["NO_PROXY", "no_proxy", "npm_config_noproxy"])
    expect([name, env.get(name)]).toEqual([name, "127.0.0.1,localhost,::1"]);
  for (const name of ["MAVEN_OPTS", "GRADLE_OPTS", "SBT_OPTS"])
    expect(env.get(name)).toContain(`-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=${port}`);
  expect(env.get("NODE_USE_ENV_PROXY")).toBe("1");
  // Yarn 2 and later end with an error for a setting that they do not know.
  expect(env.has("YARN_NO_PROXY")).toBe(false);
  const without = await read([]);
  expect([...without.keys()].filter((name) => /proxy|_OPTS$/i.test(name))).toEqual([]);
});

test("a program with a home of its own finds there what setup installed, beside what is its own", async () => {
  const home = await mkdtemp(join(bench.root, "home-"));
  const session = await mkdtemp(join(bench.root, "session-"));
  for (const path of [".cache/tool", ".local/share/venvs", "go"])
    await mkdir(join(home, path), { recursive: true });
  await writeFile(join(home, ".cache/tool/version"), "set-up\n");
  await writeFile(join(home, ".local/share/venvs/one"), "venv\n");
  await mkdir(join(home, ".agent"));
  await writeFile(join(home, ".agent/config"), "of a command\n");
  await makeHome(session, {
    files: { ".agent/config": "ours\n", ".local/share/agent/state": "state\n" },
    login: null,
  });
  const { box } = await makeBox({ home, state: [session] });
  const run = (confined: boolean) =>
    box.runCommand({
      argv: [
        ...inHome({ confined, sessionFolder: session }),
        ...[
          "sh",
          "-c",
          "cat ~/.cache/tool/version ~/.local/share/*/* ~/.agent/config; touch ~/go/x",
        ],
      ],
      ...{ cwd: bench.worktree, env: scrubbedEnvironment(), timeoutMs: 30_000 },
    });
  expect((await run(false)).exitCode).not.toBe(0);
  for (const _ of ["first", "again"])
    expect((await run(true)).output).toBe("set-up\nstate\nvenv\nours\n");
  expect(await readdir(join(home, "go"))).toEqual(["x"]);
  await box.close();
});

test("a program that is talked with is held as a command is, and ends with its box", async () => {
  const { sandbox } = configure();
  const tryOut = async (
    limits: Partial<Limits>,
    script: string,
    given: Partial<BoxOptions> = {},
  ) => {
    const writable = await mkdtemp(join(bench.root, "worktree-"));
    const { box } = await makeBox({
      config: { sandbox: { ...sandbox, limits: { ...sandbox.limits, ...limits } } },
      ...{ writable: [writable], ...given },
    });
    const program = await box.spawnPiped({
      ...{ argv: ["sh", "-c", script], cwd: writable, env: scrubbedEnvironment() },
    });
    if (script === "cat") await box.close();
    const ended = await program.ended;
    await box.close();
    return [ended, box.denials().length];
  };
  const hog = "a=[];for(let i=0;i<3;i++)a.push(Buffer.alloc(4e7,1));setTimeout(()=>{},600000)";
  const told = await Promise.all([
    tryOut({ memoryMb: 200 }, `for i in 1 2 3; do node -e "${hog}" & done; wait`),
    tryOut({ diskMb: 40 }, "i=0; while :; do i=$((i+1)); head -c 5000000 /dev/zero > f$i; done"),
    tryOut({ processes: 50 }, "for i in $(seq 55); do sleep 600 & done; wait"),
    tryOut({}, "sleep 600", { timeoutMs: -30_000 }),
    tryOut({}, "cat"),
  ]);
  const by = (detail: string) => expect.stringMatching(`^killed by the sandbox: ${detail}$`);
  expect(told).toEqual([
    [by("more than 200 MB of memory"), 1],
    [by("its folders hold \\d+ MB, more than 40"), 1],
    [by("more than 50 (processes|threads) at once"), 1],
    [by("it ran for more than 0 s"), 1],
    ["exit 0", 0],
  ]);
});
