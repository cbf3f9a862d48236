import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { openSandbox } from "../../src/sandbox/box/open-sandbox.ts";
import { describeSandbox, refuseUnattended } from "../../src/sandbox/box/sandbox.ts";
import { openEgressProxy, type Refusal } from "../../src/sandbox/network/egress-proxy.ts";
import { type CommandSpec, runCommand } from "../../src/sandbox/process/run-command.ts";
import { makeSandboxBench, type SandboxBench } from "../support/sandbox.ts";

let bench: SandboxBench;
beforeAll(async () => {
  bench = await makeSandboxBench();
  expect(bench.sandbox).toMatchObject({ provider: "bubblewrap", problem: null });
});
afterAll(() => bench.remove());

describe("a command ends in the sandbox as it would outside", () => {
  const told = ["endedBy", "exitCode", "signal", "output", "stdout", "truncatedBytes"] as const;
  test.each<[string, readonly [string, ...string[]], Partial<CommandSpec>]>([
    ["success", ["sh", "-c", "echo out; echo err >&2"], {}],
    ["an exit code", ["sh", "-c", "exit 3"], {}],
    ["arguments as they are", ["printf", "%s|", "a b", "$HOME", "'", ""], {}],
    ["input", ["cat"], { input: "in" }],
    ["a death by its own hand", ["node", "-e", "process.kill(process.pid, 'SIGSEGV')"], {}],
    ["a shell's word for a child's death", ["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], {}],
    ["a program that is not there", ["no-such-program"], {}],
    ["capped output", ["seq", "1", "20000"], { keepBytes: 500 }],
    ["a timeout that it heeds", ["sleep", "600"], { timeoutMs: 500 }],
    [
      "a timeout that it uses to clean up",
      // Its stderr says "Terminated" when the signal met a sleep that was running, which is chance.
      [
        "sh",
        "-c",
        "exec 2>/dev/null; trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.05; done",
      ],
      // Long enough for a shell to begin on a busy machine.
      { timeoutMs: 2_500 },
    ],
    [
      "a timeout that it ignores",
      ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"],
      { timeoutMs: 500, graceMs: 100 },
    ],
  ])("%s", async (_, argv, spec) => {
    const inside = await bench.run(argv, {}, spec);
    const outside = await runCommand({
      ...{ argv, cwd: bench.worktree, env: scrubbedEnvironment(), timeoutMs: 30_000, ...spec },
    });
    for (const key of told) expect([key, inside[key]]).toEqual([key, outside[key]]);
    expect(inside.error === null).toBe(outside.error === null);
  });

  test("an abort", async () => {
    const stop = new AbortController();
    const result = await bench.run(
      "echo up; sleep 600",
      {},
      { signal: stop.signal, onOutput: () => stop.abort() },
    );
    expect(result).toMatchObject({ endedBy: "abort", exitCode: null, output: "up\n" });
  });

  test("a folder that is not there", async () => {
    const gone = await bench.run("true", { writable: [join(bench.root, "nowhere")] });
    expect(gone).toMatchObject({
      endedBy: "not_started",
      error: `The folder ${join(bench.root, "nowhere")} does not exist.`,
    });
  });
});

describe("tools work", () => {
  test("node, npm test and what lies on PATH outside of the system", async () => {
    const tool = join(bench.root, "tool-1.0");
    await mkdir(join(tool, "bin"), { recursive: true });
    await mkdir(join(tool, "lib"));
    await writeFile(join(tool, "lib", "part"), "found its parts\n");
    await writeFile(join(tool, "bin", "tool"), `#!/bin/sh\ncat "$(dirname "$0")/../lib/part"\n`, {
      mode: 0o755,
    });
    await writeFile(
      join(bench.worktree, "package.json"),
      JSON.stringify({ name: "x", scripts: { test: "node --test" } }),
    );
    await writeFile(
      join(bench.worktree, "a.test.mjs"),
      `import test from "node:test"; import os from "node:os"; test("the user is known", () => { if (os.userInfo().uid === 0) throw new Error("root"); });`,
    );
    const env = scrubbedEnvironment();
    const path = `${join(tool, "bin")}:${env.PATH}`;
    const result = await bench.run("tool && npm test", {}, { env: { ...env, PATH: path } });
    expect(result.output).toContain("found its parts");
    expect(result.output).toContain("# pass 1");
    expect(result.exitCode).toBe(0);
  });

  test("a home and a /tmp that last from one command to the next, and nobody else's", async () => {
    const scratch = await mkdtemp(join(bench.root, "scratch-"));
    await bench.run("echo kept > ~/file; echo kept > /tmp/file", { scratch });
    const next = await bench.run("cat ~/file", { scratch });
    expect(next.stdout).toBe("kept\n");
    expect((await bench.run("cat ~/file")).exitCode).toBe(1);
    expect(await readFile(join(scratch, "home", "file"), "utf8")).toBe("kept\n");
  });

  test("a PATH that leads into the worktree", async () => {
    const bin = join(bench.worktree, "node_modules", ".bin");
    await mkdir(bin, { recursive: true });
    const env = scrubbedEnvironment();
    const result = await bench.run(
      "touch node_modules/new",
      {},
      { env: { ...env, PATH: `${bin}:${env.PATH}` } },
    );
    expect(result).toMatchObject({ endedBy: "exit", exitCode: 0 });
  });

  test("read-only is a worktree that is not among the writable", async () => {
    const result = await bench.run("cat a.test.mjs >/dev/null && touch new", {
      ...{ writable: [], readOnly: [{ path: bench.worktree }] },
    });
    expect(result.output).toContain("Read-only file system");
  });
});

describe("a network that is one door", () => {
  let gateway: Server;
  let socketPath: string;
  beforeAll(async () => {
    socketPath = join(bench.root, "gateway.sock");
    gateway = createServer((request, response) => {
      request.setEncoding("utf8");
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => response.end(`${request.method} ${request.url} ${body}`));
    });
    await new Promise<void>((resolve) => {
      gateway.listen(socketPath, resolve);
    });
  });
  afterAll(() => gateway.close());
  const door = (port: number, socket: string, proxyPort: number | null = null) => ({
    network: { kind: "gateway" as const, forwards: [{ port, socketPath: socket }], proxyPort },
  });

  test("the daemon's socket answers on a port inside; the end of the command is its own", async () => {
    const result = await bench.run(
      "curl -sS -d hello http://127.0.0.1:4000/v1/x; curl -sS --max-time 2 http://127.0.0.1:4001; exit 9",
      door(4000, socketPath),
    );
    expect(result.stdout).toBe("POST /v1/x hello");
    expect(result.exitCode).toBe(9);
    const killed = await bench.run(["node", "-e", "process.kill(process.pid, 'SIGKILL')"], {
      ...door(4000, socketPath),
    });
    expect(killed).toMatchObject({ endedBy: "exit", exitCode: null, signal: "SIGKILL" });
    const stopped = await bench.run(
      "trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.05; done",
      door(4000, socketPath),
      { timeoutMs: 1_500 },
    );
    expect(stopped).toMatchObject({ endedBy: "timeout" });
    expect(stopped.output).toMatch(/^up\n.*term\n$/s);
    const missing = await bench.run(["no-such-program"], door(4000, socketPath));
    expect(missing).toMatchObject({ endedBy: "not_started" });
  });

  test("an allow-list lets through what is on it, and keeps what it refused", async () => {
    const refused: Refusal[] = [];
    const proxy = await openEgressProxy({
      socketPath: join(bench.root, "egress.sock"),
      allow: ["registry.example", "*.files.example:8443", "inner.example"],
      onRefused: (refusal) => refused.push(refusal),
      // The gateway above stands for the registry: "public" is what the test says.
      resolve: async (host) => [host === "inner.example" ? "169.254.169.254" : "127.0.0.1"],
    });
    try {
      const tries = [
        "https://other.example/x",
        "https://169.254.169.254/latest",
        "https://[fd00::1]:8443/",
        "https://registry.example:22/",
        "https://inner.example/",
        "https://registry.example/",
        "http://registry.example/plain",
      ];
      const result = await bench.run(
        `for u in ${tries.map((url) => `'${url}'`).join(" ")}; do curl -sS --max-time 5 "$u"; done; true`,
        door(4002, proxy.socketPath, 4002),
      );
      expect(result.exitCode).toBe(0);
      expect(refused).toEqual([
        { host: "other.example", port: 443, reason: "not on the list" },
        { host: "169.254.169.254", port: 443, reason: "an address instead of a name" },
        { host: "[fd00::1]", port: 8443, reason: "an address instead of a name" },
        { host: "registry.example", port: 22, reason: "not on the list" },
        {
          host: "inner.example",
          port: 443,
          reason: "the name leads to an address that is not public",
        },
        {
          host: "registry.example",
          port: 443,
          reason: "the name leads to an address that is not public",
        },
        { host: "registry.example", port: 80, reason: "only HTTPS is let out" },
      ]);
    } finally {
      await proxy.close();
    }
  });

  test("what is on the list is reached by the address that was judged", async () => {
    const tcp = createServer((_, response) => response.end("the registry"));
    await new Promise<void>((resolve) => {
      tcp.listen(0, "127.0.0.1", resolve);
    });
    const address = tcp.address();
    const port = typeof address === "object" ? address?.port : 0;
    const proxy = await openEgressProxy({
      socketPath: join(bench.root, "egress2.sock"),
      allow: [`*.files.example:${port}`],
      onRefused: () => {},
      resolve: async () => ["10.0.0.1", "127.0.0.1"],
      mayReach: (candidate) => candidate === "127.0.0.1",
    });
    try {
      const result = await bench.run(
        `curl -sS --proxytunnel http://a.files.example:${port}/`,
        door(4003, proxy.socketPath, 4003),
      );
      expect(result.stdout).toBe("the registry");
    } finally {
      await proxy.close();
      tcp.close();
    }
  });

  test("a pattern that is none is refused in words", async () => {
    const options = { socketPath: join(bench.root, "no.sock"), onRefused: () => {} };
    for (const pattern of ["*", "https://x.example", "10.0.0.1", "a.*.example"]) {
      await expect(openEgressProxy({ ...options, allow: [pattern] })).rejects.toThrow(
        `"${pattern}" is no host`,
      );
    }
  });
});

describe("which sandbox there is", () => {
  test("none that was asked for, or none that works, is said and refuses triggers", async () => {
    const options = { stateDir: join(bench.root, "state2"), secrets: [] };
    const off = await openSandbox({ ...options, wanted: "none" });
    expect(describeSandbox(off)).toContain("none: it is switched off by the configuration");
    expect(refuseUnattended(off)).toContain("need a sandbox");
    expect(refuseUnattended(bench.sandbox)).toBeNull();
    const path = process.env.PATH;
    process.env.PATH = "/nowhere";
    try {
      const none = await openSandbox({ ...options, wanted: "auto" });
      expect(none.provider).toBe("none");
      expect(none.problem).toContain("bubblewrap is not installed");
    } finally {
      process.env.PATH = path;
    }
    await rm(options.stateDir, { recursive: true, force: true });
  });
});
