import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";

/** Work that its own agent cannot do goes to the configured others, one after the other. */
let model: ModelServer;
const word = (content: string) => ({
  calls: [{ tool: "write", args: { path: "word.txt", content: `${content}\n` } }],
});
const finish = { calls: [{ tool: "finish", args: { summary: "Wrote the word." } }] };

beforeAll(async () => {
  model = await startModelServer({
    apiKey: "sk-others",
    scenario: {
      models: ["scripted", "larger"],
      roles: { coder: { turns: [word("wrong"), finish, word("wrong"), finish] } },
    },
  });
});
afterAll(() => model?.close());

const { deputy, receiptOf, repository, run, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: () => ({
    OPENAI_API_KEY: "sk-others",
    OPENAI_BASE_URL: model.url,
    DEPUTY_MODEL: "scripted",
  }),
  config: `roles:
  coder:
    fallbacks:
      - { agent: builtin, model: larger }
      - { agent: "command:cp $DEPUTY_BRIEF_FILE brief.txt; echo right > word.txt" }
`,
});

test("repaired, begun afresh, then a larger model, then another agent, each told of all before it", async () => {
  const task = await run({
    goal: "Write the right word",
    agent: "builtin",
    checks: ["grep -qx right word.txt"],
    allow: ["word.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  const { attempts } = await receiptOf(task.id);
  expect(attempts.map(({ recovery }: Json) => recovery?.rung ?? null)).toEqual([
    ...["repair", "fresh", "fallback", "repair", "fallback"],
    null,
  ]);
  expect(attempts.map(({ agent }: Json) => agent.replace(/:.*/, ""))).toEqual([
    ...["builtin", "builtin", "builtin", "builtin", "builtin"],
    "command",
  ]);
  expect(attempts[2].recovery.fallback).toEqual({ agent: "builtin", model: "larger" });
  const asked = model.requests.map((request) => request.model);
  expect(asked.indexOf("larger")).toBe(6);
  expect(new Set(asked.slice(6))).toEqual(new Set(["larger"]));

  const events = await deputy.events(task.id);
  const started = events.filter(({ type }) => type === "attempt.started");
  expect(started.map(({ data }) => data.model)).toEqual([
    null,
    null,
    null,
    "larger",
    "larger",
    null,
  ]);
  expect(started[3]?.message).toContain("started, by builtin with larger");
  expect(started[5]?.message).toContain("started, by a command");
  const brief = repository.git("show", `${task.branch}:brief.txt`);
  for (const number of [1, 2, 3, 4])
    expect(brief).toContain(`- attempt ${number} (builtin): checks_failed, `);
  const accept = { accept: "text/markdown" };
  const receipt = await deputy.api("GET", `/v1/tasks/${task.id}/receipt`, undefined, accept);
  expect(receipt.body).toMatch(/attempt 5 \(builtin\) .*\| another agent or model \|/);
  const page = await deputy.cli(["show", task.id]);
  expect(page.stdout).toMatch(/#6 .*by command; done/);
  const [subtask] = (await show(task.id)).subtasks;
  expect(subtask.agent).toBe("builtin");
});

test("killed while somebody else works: they go on, and nobody returns", async () => {
  const isTheirs = ({ model }: { model: string }) => model === "larger";
  const seen = model.requests.length;
  model.hold(isTheirs);
  const id = await submit({
    ...{ goal: "Write it while the daemon dies", agent: "builtin", allow: ["word.txt"] },
    checks: ["grep -qx right word.txt"],
  });
  await model.waitForRequest((request) => isTheirs(request) && model.requests.length > seen + 6);
  expect((await deputy.cli(["why", id])).stdout).toContain(
    'attempt 4 of "main" (builtin with larger took over), by prc_',
  );
  await deputy.kill();
  model.release();
  await deputy.start();
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  const { attempts } = await receiptOf(id);
  const rungs = attempts.map(({ recovery }: Json) => recovery?.rung ?? null);
  // A session begins with its first reply, so the one that was cut off starts anew.
  expect(rungs).toEqual(["repair", "fresh", "fallback", "continue", "repair", "fallback", null]);
  const asked = model.requests.slice(seen).map((request) => request.model);
  expect(new Set(asked.slice(asked.indexOf("larger")))).toEqual(new Set(["larger"]));
});
