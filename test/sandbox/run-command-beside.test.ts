import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scrubbedEnvironment } from "../../src/core/child-environment.ts";
import { makeHelper } from "../../src/sandbox/helper-process.ts";
import { isProcessAlive, type ProcessIdentity } from "../../src/sandbox/process-identity.ts";
import { type CommandSpec, runCommand } from "../../src/sandbox/run-command.ts";
import {
  type CommandHelper,
  canRunBeside,
  runCommandBeside,
} from "../../src/sandbox/run-command-beside.ts";

/** Commands in a helper process: the same results, and nothing left when the helper is lost. */
const program = join(resolve(import.meta.dirname, "../../dist"), "command-helper.js");
let helper: CommandHelper;
async function start() {
  helper.start();
  while (!helper.isReady()) await new Promise((done) => setTimeout(done, 5));
}
beforeAll(async () => {
  helper = makeHelper(program, { idleMs: 60_000, niceness: 0 });
  await start();
});
afterAll(() => helper.stop());

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
    spec("sleep 300", { timeoutMs: 50, graceMs: 10 }),
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
    expect(await run((it) => runCommandBeside(helper, it))).toEqual(await run(runCommand));
  }
});

test("it says who was started, and is stopped by its signal with all that it started", async () => {
  const stop = new AbortController();
  let leader: ProcessIdentity | null = null;
  let inner = 0;
  const result = await runCommandBeside(
    helper,
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
  const late = await runCommandBeside(helper, spec("echo never", { signal: stop.signal }));
  expect(late).toMatchObject({ endedBy: "abort", output: "" });
});

test("a helper that is lost leaves nothing running, and the command's end says so", async () => {
  let pid = 0;
  const result = await runCommandBeside(
    helper,
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
  await start();
  expect((await runCommandBeside(helper, spec("echo again"))).output).toBe("again\n");
});

test("what is talked with, or is to outlive us, is not for a helper", () => {
  expect(canRunBeside(spec("true"))).toBe(true);
  expect(canRunBeside(spec("true", { onInput: () => {} }))).toBe(false);
  expect(canRunBeside(spec("true", { survivors: true }))).toBe(false);
  expect(canRunBeside(spec("true", { contained: { findGroup: () => null } }))).toBe(false);
});
