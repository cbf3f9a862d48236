import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import type { Role, Turn } from "../support/model-server/scenario.ts";
import { startModelServer } from "../support/model-server/start.ts";
import { part } from "../support/planner.ts";

/** The builtin agent as planner and coder: a goal that lists its deliverables is planned by itself. */
let server: Awaited<ReturnType<typeof startModelServer>>;

const coder = (id: string): Role => ({
  match: new RegExp(`Your part: The ${id}`),
  turns: [
    { calls: [{ tool: "write", args: { path: `${id}.txt`, content: `${id}\n` } }] },
    { calls: [{ tool: "finish", args: { summary: `${id} is there.` } }] },
  ],
});
const cycle = { reason: "", subtasks: [part("api", { depends_on: ["api"] })] };
const good = { reason: "two sides", subtasks: [part("api"), part("docs")] };

/** Red, green already, and one that does not start. */
const guessed = ["test -e api.txt", "test -e README.md", "./nowhere.sh"];

/** The rate-limit window of these calls ends two seconds after it was first run into. */
const resets = new Map<string, number>();
const untilReset = (who: string, json: unknown) => (): Turn => {
  const resetsAt = resets.get(who) ?? Math.ceil(Date.now() / 1_000) + 2;
  resets.set(who, resetsAt);
  return Date.now() / 1_000 < resetsAt ? { fault: { kind: "usage_limit", resetsAt } } : { json };
};

beforeAll(async () => {
  server = await startModelServer({
    scenario: {
      roles: {
        limited: {
          match: /within limits[\s\S]*You split a task into parts/,
          turns: untilReset("planner", { reason: "it is small", subtasks: [part("api")] }),
        },
        "asking about a part": {
          match: /deep down[\s\S]*The part to plan[\s\S]*You split a task into parts/,
          turns: [
            { calls: [{ tool: "ask", args: { question: "How deep?" } }] },
            { json: { reason: "that deep", subtasks: [part("api")] } },
          ],
        },
        deep: {
          match: /deep down[\s\S]*You split a task into parts/,
          turns: [{ json: { reason: "", subtasks: [part("below", { kind: "plan" })] } }],
        },
        "paused planner": {
          match: /Be paused[\s\S]*You split a task into parts/,
          turns: [{ json: { reason: "", subtasks: [part("api")] } }],
        },
        "paused reviewer": {
          match: /You review a change[\s\S]*Be paused/,
          turns: [{ json: { summary: "good", findings: [], fine: [] } }],
        },
        trying: {
          match: /Try it out[\s\S]*You split a task into parts/,
          turns: [
            { calls: [{ tool: "try", args: { command: "echo x >> README.md; cat README.md" } }] },
            { calls: [{ tool: "try", args: { command: "grep -c x README.md; ./nowhere.sh" } }] },
            { json: { reason: "", subtasks: [part("api", { checks: guessed })] } },
            {
              json: { reason: "mended", subtasks: [part("api", { checks: ["test -e api.txt"] })] },
            },
          ],
        },
        asking: {
          match: /which half[\s\S]*You split a task into parts/,
          turns: [
            { calls: [{ tool: "ask", args: { question: "The left half or the right one?" } }] },
            { json: { reason: "as it was said", subtasks: [part("api")] } },
          ],
        },
        planner: {
          match: /You split a task into parts/,
          turns: [
            { calls: [{ tool: "read", args: { path: "README.md" } }] },
            { json: cycle, usage: { input: 900, output: 90 } },
            { json: good, usage: { input: 1_000, output: 100 } },
          ],
        },
        reviewer: {
          match: /You review a change[\s\S]*within limits/,
          turns: untilReset("reviewer", { summary: "good", findings: [], fine: [] }),
        },
        api: coder("api"),
        docs: coder("docs"),
      },
    },
  });
});
afterAll(() => server?.close());
const { deputy, repository } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: () => ({
    OPENAI_API_KEY: "sk-test",
    OPENAI_BASE_URL: server.url,
    DEPUTY_MODEL: "scripted",
  }),
});

test("killed in a thought it goes on in its session, answers by the schema, mends its answer, and is accounted for", async () => {
  const parts = ["an api", "its documentation", "no test", "no example", "no site", "nothing else"];
  const goal = ["Bring it up to date:", ...parts].join("\n- ");
  server.hold(({ role, turn }) => role === "planner" && turn === 1);
  const { body } = await deputy.api("POST", "/v1/tasks", { goal, repository: repository.path });
  await server.waitForRequest(({ role, turn }) => role === "planner" && turn === 1);
  await deputy.kill();
  server.release();
  await deputy.start();
  const task = await deputy.untilOver(body.id);
  expect(task, JSON.stringify(task.end_detail)).toMatchObject({ state: "completed" });
  const receipt = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt?format=json`, undefined))
    .body;
  expect(receipt.plan).toMatchObject({
    mode: "planned",
    why: "the goal lists 6 deliverables",
    planned_by: { agent: "builtin", models: ["scripted"], reason: "two sides" },
  });
  expect(receipt.plan.planned_by.problem).toContain("api → api");
  const asked = server.requests.filter(({ role }) => role === "planner");
  // What it had read is not read again: only the call in flight was made twice.
  expect(asked.map(({ turn }) => turn)).toEqual([0, 1, 1, 2]);
  const calls = asked.filter(({ usage }) => usage !== null);
  expect(calls).toHaveLength(3);
  expect(receipt.plan.planned_by.calls).toBe(calls.length);
  const { usage } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  expect(usage).toContainEqual(
    expect.objectContaining({ role: "planner", calls: calls.length, attempt_id: null }),
  );
  // It may look and nothing else.
  expect(calls[0]?.tools).not.toContain("write");
});

test("a rate-limit window that hits the planner, then a reviewer, is a wake at its end and no failure", async () => {
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal: "Stay within limits", repository: repository.path, mode: "plan" },
    ...{ assurance: "standard", checks: ["true"] },
  });
  const task = await deputy.untilOver(body.id);
  expect(task, JSON.stringify(task.end_detail)).toMatchObject({ state: "completed" });
  const parked = (await deputy.events(body.id)).filter(({ type }) => type === "stage.parked");
  expect(parked.map(({ data }) => data.stage)).toEqual(["plan", "verify"]);
  for (const [at, who] of ["planner", "reviewer"].entries()) {
    const until = Date.parse(String(parked[at]?.data.until)) / 1_000;
    expect(until - (resets.get(who) ?? 0)).toBeLessThan(2);
    expect(until).toBeGreaterThanOrEqual(resets.get(who) ?? 0);
    expect(parked[at]?.message).toContain("usage limit");
  }
  const receipt = (await deputy.api("GET", `/v1/tasks/${body.id}/receipt`)).body;
  expect(receipt.attempts).toHaveLength(1);
  expect(receipt.reviews[0].reviewers).toMatchObject([{ result: "done" }]);
});

test("a planner tries commands, and is told once what its checks prove on the base", async () => {
  const task = await deputy.run({
    ...{ goal: "Try it out", repository: repository.path, mode: "plan", checks: ["true"] },
  });
  expect(task, JSON.stringify(task.end_detail)).toMatchObject({ state: "completed" });
  const calls = server.requests.filter(({ role }) => role === "trying");
  expect(calls.map(({ turn }) => turn)).toEqual([0, 1, 2, 3]);
  const told = calls.map(({ body }) => JSON.stringify(body));
  expect(told[1]).toContain("exit 0\\n# Here\\nx\\n[try 1 of 12]");
  // What the first one wrote is gone.
  expect(told[2]).toMatch(
    /could not start: exit 127\\n0\\n[^"]*nowhere\.sh: not found[^"]*\[try 2 of 12\]/,
  );
  expect(told[3]).toContain("`test -e README.md`: green already");
  expect(told[3]).toContain("`./nowhere.sh`: could not start: exit 127");
  expect(told[3]).not.toContain("`test -e api.txt`:");
  expect((await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body.plan).toMatchObject({
    planned_by: { reason: "mended", problem: null, calls: 4 },
  });
});

test("what the planner asks holds the task, and the answer goes on in its session", async () => {
  const goal = "Find out which half";
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal, repository: repository.path, mode: "plan", checks: ["true"] },
  });
  const asked = await deputy.untilEvent(body.id, ({ type }) => type === "question.asked");
  expect(asked.data.question).toBe("The left half or the right one?");
  const held = (await deputy.api("GET", `/v1/tasks/${body.id}`)).body;
  expect(held.task).toMatchObject({ state: "waiting", hold: { kind: "question" } });
  expect(held.questions).toMatchObject([{ kind: "question", subtask_id: null, answer: null }]);
  // Nothing of it has a slot, or is forgotten with the process.
  await deputy.kill();
  await deputy.start();
  const said = await deputy.cli(["answer", body.id, "The right one"]);
  expect(said.code, said.stderr).toBe(0);
  const task = await deputy.untilOver(body.id);
  expect(task, JSON.stringify(task.end_detail)).toMatchObject({ state: "completed" });
  const calls = server.requests.filter(({ role }) => role === "asking");
  expect(calls.map(({ turn }) => turn)).toEqual([0, 1]);
  expect(JSON.stringify(calls[1]?.body)).toContain("The right one");
});

test("so does what the planner of a part asks", async () => {
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal: "Look deep down", repository: repository.path, mode: "plan", checks: ["true"] },
  });
  await deputy.untilEvent(body.id, ({ type }) => type === "question.asked");
  expect((await deputy.cli(["answer", body.id, "Two fathoms"])).code).toBe(0);
  const task = await deputy.untilOver(body.id);
  expect(task, JSON.stringify(task.end_detail)).toMatchObject({ state: "completed" });
  const calls = server.requests.filter(({ role }) => role === "asking about a part");
  expect(calls.map(({ turn }) => turn)).toEqual([0, 1]);
  expect(JSON.stringify(calls[1]?.body)).toContain("Two fathoms");
});

test("a pause parks a planner and a reviewer, and each goes on in its session", async () => {
  const untilParked = (id: string, stage: string) =>
    deputy.untilEvent(id, ({ data, type }) => type === "stage.parked" && data.stage === stage);
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal: "Be paused", repository: repository.path, mode: "plan" },
    ...{ assurance: "standard", checks: ["true"] },
  });
  for (const [role, stage] of [
    ["paused planner", "plan"],
    ["paused reviewer", "verify"],
  ] as const) {
    server.hold((request) => request.role === role);
    await server.waitForRequest((request) => request.role === role);
    expect((await deputy.cli(["pause", body.id])).code).toBe(0);
    expect((await untilParked(body.id, stage)).message).toContain("paused by a person");
    expect((await deputy.cli(["why", body.id])).stdout).toContain("a person, who paused it");
    server.release();
    expect((await deputy.cli(["resume", body.id])).code).toBe(0);
  }
  const task = await deputy.untilOver(body.id);
  expect(task, JSON.stringify(task.end_detail)).toMatchObject({ state: "completed" });
  // Only the call that was cut off is made twice.
  for (const role of ["paused planner", "paused reviewer"]) {
    const calls = server.requests.filter((request) => request.role === role);
    expect(calls.map(({ turn }) => turn)).toEqual([0, 0]);
  }
  const { attempts, reviews } = (await deputy.api("GET", `/v1/tasks/${body.id}/receipt`)).body;
  expect(attempts).toHaveLength(1);
  expect(reviews[0].reviewers).toMatchObject([{ result: "done" }]);
});

test("bench runs a task planned, and planned and reviewed", async () => {
  const folder = join(deputy.home, "tasks");
  await mkdir(folder);
  const task = `goal: Be paused no more\nrepository: ${repository.path}\nchecks: ["test -e api.txt"]\n`;
  await writeFile(join(folder, "one.yaml"), task);
  const { code, stdout, stderr } = await deputy.cli(["bench", "plan,plan+review", "tasks"]);
  expect(code, stderr).toBe(0);
  // A planner's call and two of the coder; then the reviewer's, too.
  expect(stdout).toMatch(/one +plan +pass +3 /);
  expect(stdout).toMatch(/one +plan\+review +pass +4 /);
});
