import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeBuiltinAgent } from "../../src/agents/builtin/builtin.ts";
import { makeDemoRepository } from "../../src/demo/demo-repository.ts";
import { demoScenario } from "../../src/demo/scenario.ts";
import { startScriptedModel } from "../../src/demo/scripted-model.ts";
import { runCommand } from "../../src/sandbox/process/run-command.ts";
import { makeRun, makeSession, sumCalls } from "../agents/make-run.ts";

/** The demo's repository in the worktree of a run, not committed anywhere. */
async function makeDemoRun(brief: string) {
  const run = await makeRun({ brief });
  const commits: string[] = [];
  const demo = await makeDemoRepository(run.worktree, async (folder, message) => {
    commits.push(`${folder}: ${message}`);
  });
  expect(commits).toHaveLength(1);
  return { run, demo };
}

/** Names of the tests by how they went, and the output. */
async function runTests(folder: string, env: Readonly<Record<string, string>>) {
  const { output } = await runCommand({
    argv: ["sh", "-c", "npm test"],
    cwd: folder,
    env,
    timeoutMs: 60_000,
  });
  const names = (pattern: RegExp) => [...output.matchAll(pattern)].map(([, name]) => name);
  return {
    output,
    failed: names(/^\s*not ok \d+ - (instalments .*|.* .*)$/gm),
    passed: names(/^\s*ok \d+ - (.* .*)$/gm),
  };
}

test("the demo's repository has exactly one failing test, of a real bug", async () => {
  const { demo, run } = await makeDemoRun("");
  const { failed, passed, output } = await runTests(run.worktree, run.env);
  expect(failed).toEqual([demo.failingTest]);
  expect(passed).toHaveLength(9);
  expect(output).toContain("TAP version");
});

test("the first attempt is wrong and says otherwise; told what failed, its session repairs it", async () => {
  const model = await startScriptedModel(demoScenario);
  onTestFinished(() => model.close());
  const agent = makeBuiltinAgent({ apiKey: "none", baseUrl: model.baseUrl, model: "scripted" });

  const first = await makeDemoRun("# Goal\n\nFix the red test.\n");
  const firstEnd = await agent(first.run);
  expect(firstEnd).toMatchObject({ reason: "done", failure: null });
  expect(firstEnd.summary).toContain("All tests pass");
  const afterFirst = await runTests(first.run.worktree, first.run.env);
  expect(afterFirst.failed).toEqual([first.demo.failingTest]);
  expect(afterFirst.output).toContain("2024-02-28");

  const brief = `Your result did not pass:\n\n${afterFirst.output}\n`;
  const second = { ...first.run, brief, session: makeSession([...first.run.session.entries]) };
  const secondEnd = await agent(second);
  expect(secondEnd).toMatchObject({ reason: "done", failure: null });
  expect((await runTests(second.worktree, second.env)).failed).toEqual([]);
  expect(await readFile(join(second.worktree, "src/dates.js"), "utf8")).toContain("Day 0");
  expect(await readFile(second.logPath, "utf8")).toContain("# fail 0");

  const served = model.requests.map((request) => request.served);
  const sum = (key: "inputTokens" | "cachedInputTokens" | "outputTokens") =>
    served.reduce((total, usage) => total + (usage?.[key] ?? 0), 0);
  const counted = sumCalls(first.run.calls);
  expect(counted.calls).toBe(served.length);
  for (const key of ["inputTokens", "cachedInputTokens", "outputTokens"] as const) {
    expect(counted[key]).toBe(sum(key));
  }
});
