import { afterAll, beforeAll, expect, test } from "vitest";
import type { TaskInput } from "../../src/core/task/task.ts";
import {
  acceptTask,
  batchCreations,
  type IntakeRules,
} from "../../src/orchestrator/intake/intake.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";

let bench: Bench;
let rules: IntakeRules;
beforeAll(async () => {
  bench = await makeBench();
  rules = {
    ...bench.deps,
    ...batchCreations(bench.db),
    announce: async () => "evt_unused",
    defaultAgent: () => "command:true",
    requireAgent: () => {},
    defaultTimeoutMs: () => null,
    checkRepository: async (repository) => repository,
    requirePullRequests: () => {},
    defaultBudget: null,
    defaultWhenStuck: "ask",
    unpricedModel: () => null,
  };
});
afterAll(() => bench?.close());

const origin = {
  source: "http",
  subject: null,
  outsideText: null,
  replyTo: null,
  reviewedAgainst: null,
} as const;
const accept = (
  input: Partial<TaskInput>,
  idempotency: { key: string; bodyHash: string } | null = null,
  by: IntakeRules = rules,
) =>
  acceptTask(by, {
    input: { goal: "Do it", repository: "/repo", ...input },
    origin,
    idempotency,
    recipe: "change",
    approval: null,
  });

test("tasks that arrive at once are each whole: a row and an event", async () => {
  const goals = Array.from({ length: 150 }, (_, number) => `Goal "${number}" \\u00e9 ✓`);
  const results = await Promise.all(goals.map((goal) => accept({ goal, checks: ["true"] })));
  expect(results.every(({ created }) => created)).toBe(true);
  expect(results.map(({ task }) => task.goal)).toEqual(goals);
  expect(results[7]?.task).toMatchObject({
    state: "queued",
    hold: { kind: "dependency", on: ["slot:plan"] },
    checks: ["true"],
    planInput: null,
    attemptTimeoutMs: 3_600_000,
    origin,
    preparation: null,
  });
  const events = await bench.database.query(
    "select task_id from events where type = 'task.created' group by task_id having count(*) = 1",
  );
  expect(events).toHaveLength(150);
});

test("one key makes one task, however many ask for it at once", async () => {
  const same = { key: "key-1", bodyHash: "a" };
  const results = await Promise.all(Array.from({ length: 20 }, () => accept({}, same)));
  expect(new Set(results.map(({ task }) => task.id)).size).toBe(1);
  expect(results.filter(({ created }) => created)).toHaveLength(1);
  const ends = await Promise.allSettled([
    accept({}, { key: "key-2", bodyHash: "a" }),
    accept({}, { key: "key-2", bodyHash: "b" }),
  ]);
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

test("one that the database does not take does not take the others with it", async () => {
  const ends = await Promise.allSettled([
    accept({ goal: "before" }),
    accept({ goal: "too long", timeout_minutes: 1e300 }),
    accept({ goal: "after" }),
  ]);
  expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("many tasks at once are a rush, for half a minute at most, until there is a pause", async () => {
  let now = 0;
  const { createTask, isRush } = batchCreations(bench.db, () => now);
  const arrive = (count: number) =>
    Promise.all(Array.from({ length: count }, () => accept({}, null, { ...rules, createTask })));
  await arrive(16);
  expect(isRush()).toBe(false);
  await arrive(1);
  expect(isRush()).toBe(true);
  now += 251;
  expect(isRush()).toBe(false);
  const ends = now + 30_000;
  for (; now < ends; now += 200) {
    await arrive(17);
    expect(isRush()).toBe(true);
  }
  now = ends;
  await arrive(17);
  expect(isRush()).toBe(false);
  now += 251;
  await arrive(17);
  expect(isRush()).toBe(true);
});
