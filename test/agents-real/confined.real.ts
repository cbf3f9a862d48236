import { expect, test } from "vitest";
import { agents, startAll } from "./support.ts";

/** In the sandbox: the gateway is the only address that the programs reach. */
const all = startAll({ DEPUTY_SANDBOX: "bubblewrap" });

test.each(agents)("%s works in the sandbox", async (agent) => {
  const { deputy, repository } = all;
  const task = await deputy.run({
    goal: `Say Hello (${agent})`,
    repository: repository.path,
    agent,
  });
  const log = await deputy.cli(["log", task.id]);
  expect(task.state, `${task.end_detail}\n${log.stdout.slice(-2_000)}`).toBe("completed");
  expect(repository.git("show", `${task.branch}:src/greeting.js`)).toContain("Hello");
});
