import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import type { TestRepository } from "../support/repository.ts";
import { until } from "../support/until.ts";

/** A checkout that a person works in, and what its watches make of it. */
const { deputy, repository, repositoryWith, scratch } = withDeputy({
  files: {
    "package.json": `${JSON.stringify({ name: "sums", private: true, type: "module", scripts: { test: "node --test --test-reporter=tap" } })}\n`,
    "src/sum.js": "export const sum = (a, b) => a + b;\n",
    "test/sum.test.js": `import assert from "node:assert/strict";
import test from "node:test";
import { sum } from "../src/sum.js";

test("adds", () => assert.equal(sum(1, 2), 3));
test("adds nothing", () => assert.equal(sum(1, 0), 1));
`,
    "docs/a.md": "a\n",
    ".gitignore": "out/\n",
  },
  env: {
    // Nobody listens there: the rows say what would be sent.
    DEPUTY_NTFY_URL: "http://127.0.0.1:9",
    DEPUTY_NTFY_TOPIC: "mine",
  },
  keepLog: true,
  start: false,
});

const repairSum = "command:printf 'export const sum = (a, b) => a + b;\\n' > src/sum.js";
let slow: TestRepository;
let flaky: TestRepository;
const gone = "/nowhere/at/all";
const rules = () => `watch:
  - name: slow
    repository: ${slow.path}
    command: test -e quick || sleep 600
    debounce_seconds: 0.2
  - name: flaky
    repository: ${flaky.path}
    command: "! mkdir ${scratch.path}/once"
    debounce_seconds: 0.2
  - name: mistyped
    repository: ${slow.path}
    command: npn test
  - name: gone
    repository: ${gone}
    command: npm test
  - name: tests
    repository: ${repository.path}
    command: npm test
    paths: [src, test, package.json]
    debounce_seconds: 0.2
    agent: "${repairSum.replaceAll("\\", "\\\\")}"
    max_per_hour: 50
  - name: words
    repository: ${repository.path}
    paths: ["docs/**"]
    ignore: [docs/draft.md]
    debounce_seconds: 0.2
    goal: Bring the index up to date.
    agent: 'command:cp "$DEPUTY_BRIEF_FILE" brief.txt'
`;

beforeAll(async () => {
  slow = await repositoryWith({ "a.txt": "a\n" });
  flaky = await repositoryWith({ "a.txt": "a\n" });
  await writeFile(join(deputy.home, "triggers.yaml"), rules());
  await deputy.start();
});

const rowOf = async (rule: string): Promise<Json> =>
  (await deputy.database?.query(`select * from watches where rule = '${rule}'`))?.[0];
const untilRow = async (
  rule: string,
  what: string,
  fits: (row: Json) => boolean,
): Promise<Json> => {
  let row: Json;
  await until(
    async () => {
      row = await rowOf(rule);
      return row !== undefined && fits(row);
    },
    `${rule}: ${what}`,
    60_000,
  );
  return row;
};
const tasksOf = async (rule: string): Promise<Json[]> =>
  (await deputy.api("GET", "/v1/tasks")).body.tasks.filter(
    ({ origin }: Json) => origin.subject === `watch:${rule}`,
  );
const untilTask = async (rule: string, count: number): Promise<Json> => {
  await until(
    async () => (await tasksOf(rule)).length >= count,
    `${rule} has ${count} tasks`,
    60_000,
  );
  const [task] = await tasksOf(rule);
  return task;
};
const status = () => repository.git("status", "--porcelain=v1", "--branch");

test("green to red asks once, and the repair starts from the person's files", async () => {
  await untilRow("tests", "is green", ({ result }) => result === "green");
  await repository.write({
    "src/sum.js": "export const sum = (a, b) => a * b;\n",
    "src/new.js": "",
  });
  repository.git("add", "src/new.js");
  const before = {
    status: status(),
    index: repository.git("ls-files", "--stage"),
    head: repository.git("rev-parse", "HEAD"),
  };
  const task = await untilTask("tests", 1);
  expect(task.state).toBe("waiting");
  const items = (await deputy.api("GET", "/v1/attention")).body.items as Json[];
  const [item] = items.filter((one) => one.task?.id === task.id);
  expect(item).toMatchObject({ kind: "approval" });
  const pushes = await deputy.database?.query(
    `select title, body from notifications where task_id = '${task.id}'`,
  );
  expect(pushes?.length).toBeGreaterThan(0);
  expect(JSON.stringify(pushes)).not.toContain("adds"); // a test's name is not for a locked screen
  expect(item.why).toContain("> - test/sum.test.js > adds");
  expect(item.actions.map(({ label, risk }: Json) => [label, risk])).toEqual([
    ["yes", "high"],
    ["no", "high"],
  ]);
  expect({
    status: status(),
    index: repository.git("ls-files", "--stage"),
    head: repository.git("rev-parse", "HEAD"),
  }).toEqual(before);
  // Answered with another content than it was asked with: the work is about what was seen.
  await repository.write({ "src/later.js": "" });
  await untilRow("tests", "saw that", ({ seen_at }) => seen_at !== null);
  expect((await deputy.cli(["answer", task.id, "yes"])).code).toBe(0);
  const done = await deputy.untilOver(task.id);
  expect(done.state, done.end_detail).toBe("completed");
  const files = repository.git("ls-tree", "-r", "--name-only", done.branch).split("\n");
  expect(files).toContain("src/new.js");
  expect(files).not.toContain("src/later.js");
  expect(repository.git("show", `${done.branch}:src/sum.js`)).toContain("a + b");
  expect(await tasksOf("tests")).toHaveLength(1);
});

test("no means nothing until it was green; green again takes the question back", async () => {
  await repository.write({ "src/sum.js": "export const sum = (a, b) => a + b;\n" });
  await untilRow("tests", "is green again", ({ result }) => result === "green");
  await repository.write({ "src/sum.js": "export const sum = (a, b) => a * b;\n" });
  const refused = await untilTask("tests", 2);
  expect((await deputy.cli(["answer", refused.id, "no"])).code).toBe(0);
  // Another test fails as well: that is known, and nobody is asked.
  await repository.write({ "src/sum.js": "export const sum = (a, b) => a - b - 1;\n" });
  await untilRow("tests", "two fail", ({ failing }) => failing.length === 2);
  expect(await tasksOf("tests")).toHaveLength(2);

  await repository.write({ "src/sum.js": "export const sum = (a, b) => a + b;\n" });
  await untilRow("tests", "is green again", ({ result }) => result === "green");
  await repository.write({ "src/sum.js": "export const sum = (a, b) => a * b;\n" });
  const asked = await untilTask("tests", 3);
  await repository.write({ "src/sum.js": "export const sum = (a, b) => b + a;\n" });
  const withdrawn = await deputy.untilOver(asked.id);
  expect(withdrawn.state).toBe("cancelled");
});

test("files that match are a task without a question, once for each content, with their names as data", async () => {
  await untilRow("words", "noted what is there", ({ state }) => state !== null);
  await repository.write({ "docs/draft.md": "not this\n", "docs/a.md": "other\n" });
  const task = await untilTask("words", 1);
  const done = await deputy.untilOver(task.id);
  expect(done.state, done.end_detail).toBe("completed");
  const brief = repository.git("show", `${done.branch}:brief.txt`);
  expect(brief).toMatch(/BEGIN OUTSIDE TEXT[\s\S]*- docs\/a\.md/);
  expect(brief).not.toContain("docs/draft.md");
});

test("what is red once and green on the same files says nothing", async () => {
  const row = await untilRow("flaky", "was looked at", ({ state }) => state !== null);
  expect(row).toMatchObject({
    result: null,
    trouble: expect.stringMatching(/^flaky: exit 1, then exit 0/),
  });
});

test("a run that a kill cut off is made again, and newer content takes its place", async () => {
  const untilRuns = async () => {
    const find =
      "select c.* from child_processes c join processes p on p.id = c.process_id where c.what = 'the watch slow' and p.ended_at is null";
    await until(
      async () => ((await deputy.database?.query(find)) ?? []).length > 0,
      "slow runs",
      60_000,
    );
  };
  await untilRuns();
  expect(await rowOf("slow")).toBeUndefined();
  await deputy.kill();
  // What changes while nobody watches is seen at the next start; what did not is no news.
  await repository.write({ "docs/b.md": "new\n" });
  await deputy.start();
  await untilTask("words", 2);
  await untilRuns();
  await slow.write({ quick: "" });
  await untilRow("slow", "is green", ({ result }) => result === "green");
  expect(await tasksOf("words")).toHaveLength(2);
  expect(await tasksOf("tests")).toHaveLength(3);
});

test("bad rules say what is wrong, and the others go on", async () => {
  await untilRow("mistyped", "was tried", ({ trouble }) => trouble !== null);
  const sentences = async () =>
    ((await deputy.api("GET", "/v1/attention")).body.items as Json[])
      .filter(({ kind }) => kind === "rules")
      .map(({ why }) => why);
  const told = (await sentences()).join("\n");
  expect(told).toMatch(/The watch mistyped says nothing: could not start: exit 127/);
  expect(told).toContain(`The watch gone cannot look at ${gone}: The path ${gone} does not exist`);

  const tried = JSON.parse(
    (await deputy.cli(["trigger", "test", "--rule", "tests", "--json"])).stdout,
  );
  expect(tried).toMatchObject({
    refused: null,
    last: { result: "green" },
    next: expect.stringContaining("red twice"),
  });
  const absent = JSON.parse(
    (await deputy.cli(["trigger", "test", "--rule", "gone", "--json"])).stdout,
  );
  expect(absent.refused).toContain(gone);

  await writeFile(
    join(deputy.home, "triggers.yaml"),
    rules().replace("command: npm test", "comand: npm test"),
  );
  await until(
    async () => (await sentences()).some((why) => why.includes("comand")),
    "the typo is told",
    30_000,
  );
  expect((await sentences()).find((why) => why.includes("comand"))).toMatch(
    /line 1\d: .*comand: is not a known key; a rule has name, repository, paths/,
  );
  await repository.write({ "src/sum.js": "export const sum = (a, b) => a * b;\n" });
  await untilTask("tests", 4);
});
