import { expect, test } from "vitest";
import { makeBashTool } from "../../../src/agents/builtin/tools/bash.ts";
import { isProcessAlive } from "../../../src/sandbox/process-identity.ts";
import { makeRun } from "../make-run.ts";
import { call } from "./call.ts";

test("exit code and output, in order of arrival", async () => {
  const tool = makeBashTool(await makeRun());
  expect(await call(tool, { command: "echo out; echo err >&2; exit 4" })).toBe("exit 4\nout\nerr");
  expect(await call(tool, { command: "true" })).toBe("exit 0\n(no output)");
  expect(await call(tool, { command: "kill -9 $$" })).toBe("killed by SIGKILL\n(no output)");
});

test("long output keeps its head and tail", async () => {
  const answer = await call(makeBashTool(await makeRun()), { command: "seq 1 100000" });
  expect(answer).toMatch(/^exit 0\n1\n2\n/);
  expect(answer).toMatch(/bytes left out/);
  expect(answer).toMatch(/\n100000$/);
  expect(answer.length).toBeLessThan(17_000);
});

test("a timeout says how to go on, and leaves nothing behind", async () => {
  const run = await makeRun();
  const answer = await call(makeBashTool(run), {
    command: "echo begun; sleep 60 & setsid sleep 60 & wait",
    timeout_s: 0.3,
  });
  expect(answer).toMatch(/^Error: stopped after 0\.3 s; give a larger timeout_s/);
  expect(answer).toContain("begun");
  expect(run.processes.some(isProcessAlive)).toBe(false);
});

test("stdin is empty: a command that asks does not hang", async () => {
  const answer = await call(makeBashTool(await makeRun()), {
    command: "read line || echo nothing",
  });
  expect(answer).toBe("exit 0\nnothing");
});

test("without bash it is sh", async () => {
  const tool = makeBashTool({ ...(await makeRun()), env: { PATH: "/nowhere" } });
  expect(tool.description).toContain("Run a sh command");
});
