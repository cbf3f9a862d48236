import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Service } from "../../src/core/settings/service.ts";
import { runCommand } from "../../src/sandbox/process/run-command.ts";
import { writeServices } from "../../src/sandbox/services/write-services.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

/** The program that runs a command beside services, without a box. */
let scratch: Scratch;
let count = 0;
beforeAll(async () => {
  scratch = await makeScratch();
});
afterAll(() => scratch.remove());

const service = (name: string, run: string, more: Partial<Service> = {}): Service => ({
  ...{ name, run, ports: [], ready: null, stop: null, startTimeoutMs: 30_000 },
  ...more,
});
const listen = (port: string) =>
  `exec node -e 'require("net").createServer((s) => s.end()).listen(${port}, "127.0.0.1")'`;

async function run(services: readonly Service[], command: string) {
  const folder = join(scratch.path, `run-${count++}`);
  const { argv } = await writeServices(folder, services, { env: { OWN: "own" } });
  const { exitCode, output, signal } = await runCommand({
    argv: [...argv, "sh", "-c", command],
    ...{ cwd: scratch.path, env: { PATH: process.env.PATH ?? "" }, timeoutMs: 60_000 },
  });
  const outcome = JSON.parse(await readFile(join(folder, "outcome.json"), "utf8"));
  return { exitCode, signal, output: output.trim(), ...outcome };
}

test("it ends as the command does, which alone has its own variables", async () => {
  const told = service("told", "echo $OWN- > told; exec sleep 60", { ready: "test -s told" });
  expect(await run([told], "cat told; echo $OWN; exit 3")).toMatchObject({
    ...{ exitCode: 3, output: "-\nown", failed: null, notes: [] },
    ready: [{ name: "told", readyMs: expect.any(Number) }],
  });
  expect(await run([service("a", "exec sleep 60")], "kill -SEGV $$")).toMatchObject({
    ...{ exitCode: null, signal: "SIGSEGV" },
  });
});

test("services start in their order and stop in reverse", async () => {
  const says = (name: string) =>
    `echo start ${name} >> order; trap 'echo stop ${name} >> order; exit' TERM; touch ${name}.ready; while :; do sleep 0.05; done`;
  const both = ["one", "two"].map((name) =>
    service(name, says(name), { ready: `test -e ${name}.ready` }),
  );
  await run(both, "true");
  expect(await readFile(join(scratch.path, "order"), "utf8")).toBe(
    "start one\nstart two\nstop two\nstop one\n",
  );
});

test("runs at the same time lease different ports", async () => {
  const ports = ["A", "B"];
  const runs = await Promise.all(
    Array.from({ length: 4 }, () =>
      run([service("web", listen("process.env.A"), { ports, ready: "true" })], "echo $A; echo $B"),
    ),
  );
  expect(new Set(runs.flatMap(({ output }) => output.split("\n"))).size).toBe(8);
});

test("a service is ready when its port answers", async () => {
  const late = `sleep 0.3; ${listen("process.env.A")}`;
  const connect = `node -e 'require("net").connect(process.env.A, "127.0.0.1").on("connect", () => process.exit(0))'`;
  const result = await run([service("web", late, { ports: ["A"] })], connect);
  expect(result).toMatchObject({ exitCode: 0, failed: null });
});

test.each([
  [
    service("a", "echo why >&2; exit 4", { ready: "false" }),
    "exited with 4 before it was ready",
    "why",
  ],
  [
    service("a", "echo hm; exec sleep 60", { ready: "false", startTimeoutMs: 300 }),
    "was not ready after 0.3 s by `false`",
    "hm",
  ],
  [service("a", "sleep 0.2; kill -9 $$"), "was ended by SIGKILL while the command ran", ""],
  [
    service("a", "no-such-program", { ready: "false" }),
    "exited with 127 before it was ready",
    expect.any(String),
  ],
])("one that does not run ends the command, and is told: %j", async (one, says, tail) => {
  const result = await run([one], "exec sleep 600");
  expect(result.failed).toEqual({ name: "a", says, tail });
});

test("a fixed port that somebody else has is told before anything starts", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => other.once("listening", done));
  const { port } = other.address() as { port: number };
  const { failed } = await run([service("web", "exec sleep 60", { ready: port })], "true");
  expect(failed.says).toBe(`could not start: something else listens on port ${port}`);
  other.close();
});

test("one with a command that stops it may go into the background", async () => {
  const back = service("back", "sleep 600 & echo $! > pid", {
    ...{ ready: "test -s pid", stop: "kill $(cat pid) && rm pid" },
  });
  expect(await run([back], "cat pid")).toMatchObject({ exitCode: 0, failed: null, notes: [] });
  const stuck = { ...back, stop: "echo no >&2; exit 2" };
  expect((await run([stuck], "kill $(cat pid); rm pid")).notes).toEqual([
    "service `back` could not be stopped: `echo no >&2; exit 2` exited with 2",
  ]);
});

test("one that does not stop is told, and is gone", async () => {
  const deaf = service("deaf", "trap '' TERM; touch deaf; while :; do sleep 1; done", {
    ready: "test -e deaf",
  });
  expect(await run([deaf], "exit 0")).toMatchObject({
    ...{ exitCode: 0, failed: null },
    notes: ["service `deaf` did not stop within 10 s of SIGTERM"],
  });
  const stopped = { ...deaf, stop: "true" };
  expect((await run([stopped], "exit 0")).notes).toEqual([
    "service `deaf` did not stop within 10 s of `true`",
  ]);
});
