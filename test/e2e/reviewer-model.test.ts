import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import type { Scenario } from "../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { finding } from "../support/reviewing.ts";

/**
 * A review with nothing configured but a model: it is one reviewer, the coder's own model in a context
 * of its own, and the coder goes on in its session with what was found.
 */
const write = (content: string) => ({
  calls: [{ tool: "write", args: { path: "work.txt", content } }],
});
const finish = (summary: string) => ({ calls: [{ tool: "finish", args: { summary } }] });
const scenario: Scenario = {
  roles: {
    reviewer: {
      match: "You review a change",
      turnsBy: "served",
      turns: [
        { json: { summary: "not yet", findings: [finding()], fine: [] } },
        { json: { summary: "good now", findings: [], fine: [] } },
      ],
    },
    coder: {
      turns: [write("done\n"), finish("my-own-words"), write("done, careful\n"), finish("mended")],
    },
  },
};

let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer({ scenario: { ...scenario, models: ["scripted", "wise"] } });
});
afterAll(() => model?.close());
const { deputy, repository } = withDeputy({
  files: { "work.txt": "start\n" },
  env: () => ({
    OPENAI_API_KEY: "sk-review",
    OPENAI_BASE_URL: model.url,
    DEPUTY_MODEL: "scripted",
    DEPUTY_ASSURANCE: "",
  }),
});

test("a model's work is reviewed by default, and the coder goes on in its own session", async () => {
  const task = await deputy.run({
    goal: "Write it down",
    repository: repository.path,
    checks: ["test -s work.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:work.txt`)).toBe("done, careful");

  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body;
  expect(receipt.reviews).toMatchObject([
    {
      assurance: "standard",
      rounds: 2,
      reviewers: [{ agent: "builtin", model: "scripted", same_as_coder: true, detail: "good now" }],
      findings: [{ id: "F1", state: "fixed", raised_on_attempt: 1 }],
    },
  ]);

  // A review is paid beside what it judged.
  expect(receipt.usage_by_attempt).toMatchObject(
    [1, 2].flatMap((attempt) => [
      { role: "coder", subtask: "main", attempt },
      { role: "reviewer", subtask: "main", attempt, calls: 1 },
    ]),
  );

  const of = (role: string) => model.requests.filter((request) => request.role === role);
  const told = JSON.stringify(of("reviewer").map(({ body }) => body));
  expect(told).toContain("+done");
  expect(told).not.toContain("my-own-words");
  expect(new Set(of("coder").map(({ conversation }) => conversation)).size).toBe(1);
  expect(JSON.stringify(of("coder").at(-1)?.body)).toContain("it is not careful");
  expect(new Set(of("reviewer").map(({ conversation }) => conversation)).size).toBe(2);
});

test("where another role has another model, that one reviews", async () => {
  await deputy.stop();
  await writeFile(join(deputy.home, "config.yaml"), "roles: {planner: {model: wise}}\n");
  await deputy.start();
  const task = await deputy.run({
    goal: "Write it down again",
    repository: repository.path,
    mode: "direct",
    checks: ["test -s work.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body;
  expect(receipt.reviews[0].reviewers).toMatchObject([{ model: "wise", same_as_coder: false }]);
  expect(receipt.usage).toMatchObject([{ model: "scripted" }, { role: "reviewer", model: "wise" }]);
});
