import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deputy, makeDeputy } from "../support/deputy.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { greetingProject, makeRepository, type TestRepository } from "../support/repository.ts";
import { path, realKey, repair } from "./support.ts";

/** The whole way with the real programs: a task in, a repaired test, a delivered branch, the bill. */
let deputy: Deputy;
let server: ModelServer;
let repository: TestRepository;

beforeAll(async () => {
  server = await startModelServer({ scenario: repair, apiKey: realKey });
  [deputy, repository] = await Promise.all([
    makeDeputy({
      env: {
        PATH: path,
        OPENAI_API_KEY: realKey,
        OPENAI_BASE_URL: server.url,
        ANTHROPIC_API_KEY: realKey,
        ANTHROPIC_BASE_URL: server.origin,
        DEPUTY_MODEL: "gpt-5.5",
      },
    }),
    makeRepository(greetingProject),
  ]);
  await deputy.start();
});
afterAll(async () => {
  await deputy?.close();
  await repository?.remove();
  await server?.close();
});

describe.each(["codex", "claude", "opencode", "acp:opencode acp"])("%s", (agent) => {
  test("delivers a branch with the test repaired, and a receipt with what the server served", async () => {
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
  const { stdout, code } = await deputy.cli(["agents"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/codex\s+0\.169\.0\s+yes/);
  expect(stdout).toMatch(/claude\s+2\.1\.197\s+yes/);
  expect(stdout).toMatch(/opencode\s+1\.18\.33\s+yes/);
  expect(stdout).toContain("A task that names no agent gets builtin");
});
