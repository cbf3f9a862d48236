import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deputy, type Json, makeDeputy } from "../support/deputy.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";

/** What cannot come to a good end is said at the plan, in a sentence, before an attempt is made. */
let deputy: Deputy;
let scratch: Scratch;
const repositories: TestRepository[] = [];

beforeAll(async () => {
  [deputy, scratch] = await Promise.all([makeDeputy(), makeScratch()]);
  await deputy.start();
});
afterAll(async () => {
  await deputy?.close();
  await Promise.all([scratch?.remove(), ...repositories.map((one) => one.remove())]);
});

async function repositoryWith(files: Record<string, string>): Promise<TestRepository> {
  const repository = await makeRepository(files);
  repositories.push(repository);
  return repository;
}

const obstacles: [string, (repository: TestRepository) => string, string][] = [
  [
    "a branch called deputy",
    ({ git, path }) => {
      git("branch", "deputy");
      return path;
    },
    'has a branch called "deputy"',
  ],
  [
    "branches of ours that a push may not see",
    ({ git, path }) => {
      git("config", "--add", "transfer.hideRefs", "refs/heads/deputy");
      return path;
    },
    "hides refs/heads/deputy from pushes",
  ],
  [
    "a base that a fetch may not see",
    ({ git, path }) => {
      git("config", "--add", "uploadpack.hideRefs", "refs/heads");
      git("config", "--add", "uploadpack.hideRefs", "HEAD");
      return path;
    },
    "does not let its branch main be fetched",
  ],
  [
    "a partial clone",
    ({ git, path }) => {
      git("config", "uploadpack.allowFilter", "true");
      const clone = scratch.at("partial");
      spawnSync("git", [
        "clone",
        "-q",
        "--filter=blob:none",
        "--no-checkout",
        `file://${path}`,
        clone,
      ]);
      return clone;
    },
    "it is a partial clone",
  ],
];

test.each(obstacles)("%s is refused without an attempt", async (_, prepare, words) => {
  const repository = await repositoryWith({ "a.txt": "a\n" });
  const task = await deputy.run({
    repository: prepare(repository),
    goal: "Do it",
    agent: "command:echo b > b.txt",
    checks: ["true"],
  });
  expect(task.state).toBe("failed");
  expect(task.end_detail).toContain(words);
  expect((await deputy.api("GET", `/v1/tasks/${task.id}`)).body.attempts).toEqual([]);
});

test("a rule that hides other branches, or shows ours again, is no obstacle", async () => {
  const repository = await repositoryWith({ "a.txt": "a\n" });
  for (const rule of ["refs/heads/private", "refs/heads/deputy", "!refs/heads/deputy"])
    repository.git("config", "--add", "receive.hideRefs", rule);
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Do it", checks: ["true"] },
    agent: "command:echo b > b.txt",
  });
  expect(task.state, task.end_detail).toBe("completed");
});

const asked: [string, Json, string][] = [
  ["its goal", { goal: "Pin the actions in .github/workflows/ci.yml" }, ".github/workflows/ci.yml"],
  [
    "a part of its plan",
    {
      goal: "Do two things",
      plan: { subtasks: [{ id: "one", title: "One", writes: ["locked/key.txt"] }] },
    },
    "locked/key.txt",
  ],
];

test.each(asked)("a person is asked when %s names a protected path", async (_, about, path) => {
  const repository = await repositoryWith({
    ".deputy/config.yaml": "protected: [locked]\nchecks: []\n",
    "locked/key.txt": "k\n",
  });
  const brief = scratch.at("brief");
  const agent = await scratch.agent("do.sh", `cp "$DEPUTY_BRIEF_FILE" ${brief}; echo b > b.txt`);
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ repository: repository.path, agent, checks: ["true"], ...about },
  });
  const question = await deputy.untilEvent(body.id, ({ type }) => type === "question.asked");
  expect(question.message).toContain(path);
  expect((await deputy.api("GET", `/v1/tasks/${body.id}`)).body.attempts).toEqual([]);
  const answered = await deputy.cli(["answer", body.id, "Write it into b.txt instead"]);
  expect(answered.code, answered.stderr).toBe(0);
  const task = await deputy.untilOver(body.id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(await scratch.read("brief")).toContain("Write it into b.txt instead");
});

test("nobody is asked about a protected path that the goal forbids", async () => {
  const repository = await repositoryWith({ "a.txt": "a\n" });
  const task = await deputy.run({
    repository: repository.path,
    goal: "Write b.txt. Do not touch .github/workflows/ci.yml.",
    agent: "command:echo b > b.txt",
    checks: ["true"],
  });
  expect(task.state, task.end_detail).toBe("completed");
});
