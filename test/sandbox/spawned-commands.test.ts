import { join, resolve } from "node:path";
import type { Writable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import {
  answerProgram,
  type ProgramAnswer,
  type ProgramRequest,
} from "../../src/daemon/programs/programs.ts";
import type { CommandRunner } from "../../src/sandbox/box/sandbox.ts";
import {
  isProcessAlive,
  type ProcessIdentity,
} from "../../src/sandbox/process/process-identity.ts";
import {
  type CommandResult,
  type CommandSpec,
  runCommand,
} from "../../src/sandbox/process/run-command.ts";
import { type CommandNote, makeCommandRunner } from "../../src/sandbox/process/spawned-commands.ts";
import { type Spawner, startSpawner } from "../../src/sandbox/process/spawner.ts";
import { until } from "../support/until.ts";

/** Commands in a spawner: the same results, and nothing left when the spawner is lost. */
const program = join(
  resolve(import.meta.dirname, "../../dist"),
  "daemon/programs/spawner-process.js",
);
let spawner: Spawner<ProgramRequest, ProgramAnswer, CommandNote>;
let runThere: CommandRunner;
beforeAll(async () => {
  spawner = startSpawner(program, answerProgram);
  runThere = makeCommandRunner(
    async (command, signal, onNote) =>
      (await spawner.ask({ command }, signal, onNote)) as CommandResult,
  );
  await spawner.ready();
});
afterAll(() => spawner.stop());

const spec = (script: string, more: Partial<CommandSpec> = {}): CommandSpec => ({
  argv: ["sh", "-c", script],
  cwd: "/",
  env: { ...scrubbedEnvironment(), WORD: "wörd" },
  timeoutMs: 30_000,
  ...more,
});

test("a command ends as it does in this process, and tells the same on the way", async () => {
  const specs: CommandSpec[] = [
    spec('read line; echo "$WORD $line"; echo no >&2; exit 3', { input: "said\n" }),
    spec("kill -TERM $$"),
    spec("true", { argv: ["/no/such/program"] }),
    // A grace that a busy machine keeps: who ends by the first signal gets no second one.
    spec("exec sleep 300", { timeoutMs: 50, graceMs: 20_000 }),
    spec("head -c 100000 /dev/zero | tr '\\0' x", { keepBytes: 100 }),
  ];
  for (const one of specs) {
    const run = async (how: (spec: CommandSpec) => ReturnType<typeof runCommand>) => {
      const told: Record<string, string> = { stdout: "", stderr: "" };
      const { durationMs: _, ...result } = await how({
        ...one,
        onOutput: (chunk, stream) => {
          told[stream] += chunk;
        },
      });
      return { ...result, told };
    };
    expect(await run((it) => runThere(it))).toEqual(await run(runCommand));
  }
});

test("it says who was started, and is stopped by its signal with all that it started", async () => {
  const stop = new AbortController();
  let leader: ProcessIdentity | null = null;
  let inner = 0;
  const result = await runThere(
    spec("setsid sh -c 'echo $$; exec sleep 300' & wait", {
      signal: stop.signal,
      onStarted: (identity) => {
        leader = identity;
      },
      onOutput: (chunk) => {
        inner = Number(chunk);
        stop.abort();
      },
    }),
  );
  expect(result.endedBy).toBe("abort");
  for (const pid of [(leader as ProcessIdentity | null)?.pid ?? 0, inner]) {
    expect(pid).toBeGreaterThan(0);
    expect(isProcessAlive({ pid, startTicks: null })).toBe(false);
  }
  const late = await runThere(spec("echo never", { signal: stop.signal }));
  expect(late).toMatchObject({ endedBy: "abort", output: "" });
});

test("a spawner that is lost leaves nothing running, and the command's end says so", async () => {
  let pid = 0;
  const result = await runThere(
    spec("echo $PPID; exec sleep 300", {
      onStarted: (identity) => {
        pid = identity.pid;
      },
      onOutput: (chunk) => process.kill(Number(chunk), "SIGKILL"),
    }),
  );
  expect(result).toMatchObject({ endedBy: "exit", exitCode: null, signal: "SIGKILL" });
  expect(result.error).toMatch(/^the process that ran it was lost/);
  expect(isProcessAlive({ pid, startTicks: null })).toBe(false);
  expect((await runThere(spec("echo again"))).output).toBe("again\n");
});

test("a command that is written to, or may outlive us, is started by this process", async () => {
  const parentOf = async (more: Partial<CommandSpec>) =>
    Number((await runThere(spec("echo $PPID", more))).output);
  await until(async () => (await parentOf({})) !== process.pid, "the spawner is back");
  for (const more of [
    { input: "", onInput: (stdin: Writable) => void stdin.end() },
    { survivors: true },
    { contained: { findGroup: () => null } },
  ])
    expect(await parentOf(more)).toBe(process.pid);
});
