import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { explainMissing, namesMissed } from "../../src/sandbox/box/find-hidden.ts";
import { openSandbox } from "../../src/sandbox/box/open-sandbox.ts";
import { runConfined } from "../../src/sandbox/box/run-confined.ts";
import { defaultLimits, type Sandbox } from "../../src/sandbox/box/sandbox.ts";

/** A machine with programs that the sandbox does not show, or not by themselves. */

let root: string;
let sandbox: Sandbox;
const at = (...names: string[]) => join(root, ...names);

async function program(path: string, text = "#!/bin/sh\necho it runs\n"): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "deputy-hidden-")));
  await mkdir(at("tree"));
  await program(at("home", "in-home"));
  await program(at("vault", "bin", "in-vault"));
  await writeFile(at("vault", "token"), "secret");
  await program(at("deep", "bin", "nested", "in-secret"));
  await program(at("named", "in-named"));
  await program(at("tools", "bin", "odd"), `#!${at("home", "in-home")}\n`);
  await program(at("tools", "bin", "gone"), "#!/opt/none/python\n");
  await program(at("home", ".cargo", "bin", "far"));
  sandbox = await openSandbox({
    ...{ wanted: "bubblewrap", stateDir: at("state"), show: [at("named")] },
    secrets: [at("vault", "token"), at("deep", "bin")],
  });
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Runs a command with these folders on PATH. */
async function run(command: string, folders: string[]) {
  const env = { ...scrubbedEnvironment(), HOME: at("home") };
  return runConfined(
    sandbox,
    {
      argv: ["sh", "-c", command],
      ...{ cwd: at("tree"), timeoutMs: 30_000 },
      env: { ...env, PATH: [...folders, "/usr/bin", "/bin"].join(":") },
    },
    {
      ...{ writable: [at("tree")], state: [], readOnly: [], scratch: null },
      ...{ network: { kind: "none" }, limits: defaultLimits },
    },
  );
}

test("a bin whose surroundings hold a secret is shown by itself, and so is what a person names", async () => {
  const vault = await run(`in-vault && ls ${at("vault")}`, [at("vault", "bin")]);
  expect(vault.output).toBe("it runs\nbin\n");
  const named = await run(at("named", "in-named"), []);
  expect(named.output).toBe("it runs\n");
});

test("a program of this machine that is not shown is named, with its place and the remedy", async () => {
  const home = await run("in-home", [at("home")]);
  expect(home.exitCode).toBe(127);
  expect(home.missed).toBe(
    `in-home is at ${at("home", "in-home")}, which the sandbox does not show: name its folder under sandbox.show in config.yaml, or install it in a folder of its own on PATH`,
  );
  const secret = await run("make -s x || true; in-secret", [at("deep", "bin", "nested")]);
  expect(secret.missed).toContain(
    `in-secret is at ${at("deep", "bin", "nested", "in-secret")}, which`,
  );
  const interpreter = await run("odd", [at("tools", "bin")]);
  expect(interpreter.missed).toContain(
    `odd at ${at("tools", "bin", "odd")} starts with ${at("home", "in-home")}, which the sandbox does not show`,
  );
  const broken = await run("gone", [at("tools", "bin")]);
  expect(broken.missed).toContain("starts with /opt/none/python, which does not exist");
  const far = await run("far", []);
  expect(far.missed).toBe(
    `far is at ${at("home", ".cargo", "bin", "far")}, which is not on the daemon's PATH: start the daemon with ${at("home", ".cargo", "bin")} in PATH`,
  );
});

test("nothing is said of programs that nobody has, of success, and of what links of the agent name", async () => {
  expect((await run("no-such-program-here", [])).missed).toBeNull();
  expect((await run("in-home; true", [at("home")])).missed).toBeNull();
  await mkdir(at("tree", "bin"), { recursive: true });
  await symlink(at("vault", "token"), at("tree", "bin", "peek"));
  expect((await run("peek", [at("tree", "bin")])).missed).toBeNull();
});

test("a folder that cannot be shown is said at the start", async () => {
  const other = await openSandbox({
    ...{ wanted: "bubblewrap", stateDir: at("state"), secrets: [at("vault", "token")] },
    show: [at("vault"), at("nowhere"), at("named")],
  });
  expect(other.problem).toContain(`sandbox.show names ${at("vault")}, which no command sees`);
  expect(other.problem).toContain(at("nowhere"));
  expect(other.problem).not.toContain(at("named"));
});

test.each([
  ["sh: 1: prettier: not found", "prettier"],
  ["bash: line 3: uv: command not found", "uv"],
  ["zsh: command not found: bun", "bun"],
  ["/usr/bin/env: ‘python3.12’: No such file or directory", "python3.12"],
  ["make: protoc: No such file or directory", "protoc"],
  ["Error: spawn docker-compose ENOENT", "docker-compose"],
  ["FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'", "ffmpeg"],
  ['exec: "golangci-lint": executable file not found in $PATH', "golangci-lint"],
  ["sh: 1: exec: deno: not found", "deno"],
  ["bash: /opt/x/bin/black: /gone/python: bad interpreter: No such file or directory", "black"],
])("%s", (output, name) => {
  expect(namesMissed(`first\n${output}\nlast`)).toEqual([name]);
});

test("files that a program misses are no programs", async () => {
  const looked = { env: { PATH: "/usr/bin:/bin" }, isShown: () => false, remedy: "show it" };
  const output = "cat: notes.txt: No such file or directory\nENOENT: open 'sh'";
  expect(await explainMissing({ output, program: null }, looked)).toBeNull();
});
