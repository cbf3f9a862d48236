import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deputy, makeDeputy } from "../support/deputy.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { greetingProject, makeRepository, type TestRepository } from "../support/repository.ts";
import { path, realKey, repair } from "./support.ts";

/** In the sandbox: the gateway is the only address that the programs reach. */
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
        DEPUTY_SANDBOX: "bubblewrap",
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

test.each(["codex", "claude", "opencode", "acp:opencode acp"])(
  "%s works in the sandbox",
  async (agent) => {
    const task = await deputy.run({
      goal: `Say Hello (${agent})`,
      repository: repository.path,
      agent,
    });
    const log = await deputy.cli(["log", task.id]);
    expect(task.state, `${task.end_detail}\n${log.stdout.slice(-2_000)}`).toBe("completed");
    expect(repository.git("show", `${task.branch}:src/greeting.js`)).toContain("Hello");
  },
);
