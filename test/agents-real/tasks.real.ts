import { describe, expect, test } from "vitest";
import { agents, realKey, startAll } from "./support.ts";

/** The whole way with the real programs: a task in, a repaired test, a delivered branch, the bill. */
const all = startAll({ DEPUTY_MODEL: "gpt-5.5" });

describe.each(agents)("%s", (agent) => {
  test("delivers a branch with the test repaired, and a receipt with what the server served", async () => {
    const { deputy, repository, server } = all;
    const first = server.requests.length;
    const task = await deputy.run({
      goal: `Make the greeting say Hello (${agent})`,
      repository: repository.path,
      agent,
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(repository.git("show", `${task.branch}:src/greeting.js`)).toContain("Hello");
    const [served] = Object.values(
      server.servedFor((request) => server.requests.indexOf(request) >= first),
    );
    const { body } = await deputy.api("GET", `/v1/tasks/${task.id}/receipt`);
    expect(body.cost).toMatchObject({
      calls: served?.calls,
      input_tokens: served?.inputTokens,
      cached_input_tokens: served?.cachedInputTokens,
      output_tokens: served?.outputTokens,
    });
    const log = await deputy.cli(["log", task.id]);
    expect(log.stdout).not.toContain(realKey);
  });
});

test("`deputy agents` says what is there, and which one a task gets", async () => {
  const { stdout, code } = await all.deputy.cli(["agents"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/codex\s+0\.169\.0\s+yes/);
  expect(stdout).toMatch(/claude\s+2\.1\.197\s+yes/);
  expect(stdout).toMatch(/opencode\s+1\.18\.33\s+yes/);
  expect(stdout).toContain("A task that names no agent gets builtin");
});
