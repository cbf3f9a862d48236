import { readdir, writeFile } from "node:fs/promises";
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
const call = (tool: string, args: Record<string, unknown>) => ({ tool, args });
const check = "cat answer.txt out/answer.txt 2>&1 | grep right\n";
const scenario: Scenario = {
  roles: {
    "trying reviewer": {
      match: /You review a change[\s\S]*Check it first/,
      turns: [
        { calls: [call("try", { command: "rm note.txt; cat answer.txt; exit 3" })] },
        { calls: [call("try", { command: "test -e note.txt" })] },
        { json: { summary: "good", findings: [], fine: [] } },
      ],
    },
    "checking coder": {
      match: /Check it first/,
      turns: [
        {
          calls: [
            call("check", {}),
            call("bash", { command: "mkdir -p out && echo right | tee out/answer.txt > note.txt" }),
            call("bash", { command: "sh check.sh" }),
            call("check", {}),
          ],
        },
        {
          calls: [
            call("write", { path: "answer.txt", content: "right\n" }),
            call("write", { path: "check.sh", content: "true\n" }),
            call("check", { command: "sh  check.sh" }),
            call("check", { command: "npm test" }),
          ],
        },
        { calls: [call("write", { path: "check.sh", content: check }), call("check", {})] },
        finish("checked"),
      ],
    },
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
  files: { "work.txt": "start\n", ".gitignore": "out/\n", "check.sh": check },
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

test("a coder sees what would be refused, a reviewer tries commands, and neither is evidence", async () => {
  const task = await deputy.run({
    ...{ goal: "Check it first", repository: repository.path, checks: ["sh check.sh"] },
    // Read by what a check runs, so it counts as a judge, too.
    allow: ["answer.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  const told = (role: string) =>
    model.requests
      .filter((request) => request.role === role)
      .map(({ body }) => JSON.stringify(body));
  const [brief, first, second, third] = told("checking coder");
  expect(brief).toContain("What passes is read by a reviewer");
  expect(brief).toMatch(/ends after 60 min or 60 turns \(model calls\)/);
  expect(brief).toContain("Commands have the network of this machine.");
  expect(first).toContain("no file is changed yet");
  // It is green where its author works, whose ignored files are in no clean copy.
  expect(first).toContain("exit 0\\nright");
  expect(first).toContain("fail: `sh check.sh`: exit 1");
  expect(second).toMatch(/judges the work:\\n- check\.sh \(modified; /);
  expect(second).toContain("that is no check of this work. Its checks: `sh check.sh`");
  expect(third).toContain("pass: 1 check passes");
  const [, tried, again] = told("trying reviewer");
  expect(tried).toContain("exit 3\\nright\\n[try 1 of 12]");
  expect(again).toContain("exit 0\\n(no output)\\n[try 2 of 12]");
  const checked = (await deputy.events(task.id)).filter(({ type }) => type === "check.finished");
  expect(checked.map(({ data }) => [data.phase, data.result])).toEqual([["attempt", "pass"]]);
  expect(await readdir(join(deputy.home, "checks"))).toEqual([]);
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
