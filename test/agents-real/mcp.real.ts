import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runCommand } from "../../src/sandbox/process/run-command.ts";
import { makeDeputy } from "../support/deputy.ts";
import { greetingProject, makeRepository, repairGreeting } from "../support/repository.ts";
import { makeScratch } from "../support/scratch.ts";
import { makeServer, path, realKey } from "./support.ts";

/** The other way round: the real claude hands a task to Deputy, through what `mcp install` registers. */
test("claude delegates a task through `deputy mcp`, and Deputy delivers it", async () => {
  const [deputy, repository, scratch] = await Promise.all([
    makeDeputy({ env: { PATH: path } }),
    makeRepository(greetingProject),
    makeScratch(),
  ]);
  onTestFinished(async () => {
    await deputy.close();
    await repository.remove();
    await scratch.remove();
  });
  await deputy.start();
  const args = { goal: "Say Hello", repository: repository.path, agent: repairGreeting };
  const server = await makeServer({
    roles: {
      coder: {
        turns: [
          { calls: [{ tool: "mcp__deputy__submit", args }] },
          { text: "I handed it to Deputy." },
        ],
      },
    },
  });
  const home = scratch.at("home");
  await mkdir(home);
  const installed = await deputy.cli(["mcp", "install", "--client", "claude"], {
    env: { HOME: home },
  });
  expect(installed.code, installed.stderr).toBe(0);
  expect(installed.stdout).toContain("claude knows Deputy now");

  const said = await runCommand({
    argv: [
      join(process.env.DEPUTY_AGENTS_BIN ?? "", "claude"),
      ...["-p", "--output-format", "json", "--dangerously-skip-permissions"],
    ],
    cwd: repository.path,
    env: {
      PATH: path,
      HOME: home,
      IS_SANDBOX: "1",
      ANTHROPIC_BASE_URL: server.origin,
      ANTHROPIC_API_KEY: realKey,
      ANTHROPIC_MODEL: "claude-sonnet-4-5",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      // Its tools are then in the first request already, as a person's session has them.
      MCP_CONNECTION_NONBLOCKING: "0",
      ENABLE_TOOL_SEARCH: "false",
    },
    input: "Have the greeting say Hello; delegate it to Deputy.\n",
    timeoutMs: 90_000,
  });
  expect(said.output).toContain("I handed it to Deputy.");
  const { body } = await deputy.api("GET", "/v1/tasks");
  expect(body.tasks, said.output).toHaveLength(1);
  const task = await deputy.untilOver(body.tasks[0].id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:src/greeting.js`)).toContain("Hello");
});
