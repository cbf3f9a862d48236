import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import { newId } from "../../src/core/base/id.ts";
import { setBudget } from "../../src/orchestrator/commands/budget.ts";
import { answerQuestion } from "../../src/orchestrator/commands/commands.ts";
import { countCall } from "../../src/store/records/usage.ts";
import { listOpenQuestions } from "../../src/store/tasks/questions.ts";
import { getTask, listSubtasks } from "../../src/store/tasks/tasks.ts";
import { attempted, type Bench, makeBench, planned } from "../support/orchestrator.ts";

/** However many subtasks were refused a call, a person is asked once, and one answer is for all. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
beforeEach(() => bench.clear());
afterAll(() => bench?.close());

const outOfBudget = {
  kind: "decided",
  feedback: null,
  decision: {
    ...({
      action: "ask",
      rung: "ask",
      asks: "budget",
      kind: "out_of_budget",
      signature: "s",
    } as const),
    ...{ reason: "the budget is used up", question: "More?" },
  },
} as const;

async function spend(taskId: string, calls: number): Promise<void> {
  const key = {
    taskId,
    subtaskId: null,
    attemptId: null,
    role: "coder",
    agent: "builtin",
  } as const;
  const call = {
    model: "m",
    tokens: null,
    latencyMs: 1,
    costUsd: 1,
    runId: newId("run"),
    agentMs: 0,
  };
  for (let made = 1; made <= calls; made++)
    await countCall(bench.db, key, { ...call, write: made });
}

/** A task of two subtasks, all its turns spent, both refused. */
async function startRefused(): Promise<string> {
  const id = await bench.submit({ budget: { turns: 2 } });
  await run("plan", planned([{}, {}]));
  await spend(id, 2);
  for (const _ of [1, 2]) {
    await run("execute", attempted({ reason: "out_of_budget", commit: null }));
    await run("recover", outOfBudget);
  }
  return id;
}

async function run(stage: Parameters<Bench["claim"]>[0], outcome: Parameters<Bench["report"]>[1]) {
  const claim = await bench.claim(stage);
  if (!claim) throw new Error(`nothing to ${stage}`);
  expect(await bench.report(claim, outcome)).toBe("applied");
}

const statesOf = async (id: string) => (await listSubtasks(bench.db, id)).map(({ state }) => state);

test("two subtasks wait for one question, and a raise sends both on", async () => {
  const id = await startRefused();
  const [question, ...others] = await listOpenQuestions(bench.db, id);
  expect(others).toEqual([]);
  expect(question).toMatchObject({ kind: "budget", subtaskId: null });
  expect(question?.text).toBe(
    'The budget is used up: 2 turns of 2 turns. +2 turns? Answer "yes", another amount ("+$2", "+100k tokens", "+30 turns", "+60m"), or "no" to stop here.',
  );
  const hold = { kind: "question", questionId: question?.id };
  expect((await listSubtasks(bench.db, id)).map((subtask) => subtask.hold)).toEqual([hold, hold]);
  expect(await getTask(bench.db, id)).toMatchObject({ state: "waiting", hold });

  const task = await answerQuestion(bench.deps, id, "+3 turns", null);
  expect(task).toMatchObject({ state: "running", budget: { turns: 5 } });
  expect(await statesOf(id)).toEqual(["ready", "ready"]);
  expect(await bench.claim("execute")).not.toBeNull();
  expect(await bench.claim("execute")).not.toBeNull();
});

test("an answer that says nothing about the budget changes nothing", async () => {
  const id = await startRefused();
  for (const answer of ["go on", "+$0", "+5 apples", "$1"]) {
    await answerQuestion(bench.deps, id, answer, null).then(
      () => expect.unreachable(answer),
      (error) => {
        expect(error).toBeInstanceOf(DeputyError);
        expect(error).toMatchObject({ code: "invalid_input", field: "answer" });
      },
    );
  }
  expect(await listOpenQuestions(bench.db, id)).toHaveLength(1);
  expect(await getTask(bench.db, id)).toMatchObject({ state: "waiting", budget: { turns: 2 } });
});

test("no ends what waits, in words", async () => {
  const id = await startRefused();
  const task = await answerQuestion(bench.deps, id, "no", null);
  expect(task.state).toBe("failed");
  expect(task.endDetail).toContain("the budget is used up, and no more was granted");
  expect(await statesOf(id)).toEqual(["failed", "failed"]);
});

test("a planner that was refused a call holds the task itself, and a raise has it planned", async () => {
  const id = await bench.submit({ budget: { turns: 2 } });
  await spend(id, 2);
  await run("plan", { kind: "unaffordable", detail: "the budget is used up" });
  expect(await getTask(bench.db, id)).toMatchObject({
    state: "waiting",
    hold: { kind: "question" },
  });
  expect(await bench.claim("plan")).toBeNull();
  expect(await answerQuestion(bench.deps, id, "yes", null)).toMatchObject({
    ...{ state: "queued", budget: { turns: 4 } },
  });
  await run("plan", planned([{}]));
  expect(await statesOf(id)).toEqual(["ready"]);

  const other = await bench.submit({ budget: { turns: 2 } });
  await spend(other, 2);
  await run("plan", { kind: "unaffordable", detail: "the budget is used up" });
  expect(await answerQuestion(bench.deps, other, "no", null)).toMatchObject({ state: "failed" });
});

test("who was refused before a raise and is heard of after it goes on without a question", async () => {
  const id = await bench.submit({ budget: { turns: 2 } });
  await run("plan", planned([{}, {}]));
  await spend(id, 2);
  for (const _ of [1, 2])
    await run("execute", attempted({ reason: "out_of_budget", commit: null }));
  await run("recover", outOfBudget);
  await answerQuestion(bench.deps, id, "yes", null);
  await run("recover", outOfBudget);
  expect(await listOpenQuestions(bench.db, id)).toEqual([]);
  expect(await statesOf(id)).toEqual(["ready", "ready"]);
});

test("a budget that is raised wakes what waits for it, and one below what is spent is refused", async () => {
  const id = await bench.submit({ budget: { usd: 2 } });
  await run("plan", planned([{}, {}]));
  await spend(id, 2);
  for (const _ of [1, 2]) {
    await run("execute", attempted({ reason: "out_of_budget", commit: null }));
    await run("recover", outOfBudget);
  }
  for (const usd of [1, 2])
    await expect(setBudget(bench.deps, id, usd)).rejects.toMatchObject({
      ...{ code: "unprocessable", field: "budget_usd" },
      message: expect.stringContaining(`the budget is used up: $2 of $${usd}`),
    });
  expect(await getTask(bench.db, id)).toMatchObject({ state: "waiting", budget: { usd: 2 } });

  const { detail, task } = await setBudget(bench.deps, id, 5);
  expect(detail).toBe("the budget is $5 now");
  expect(task).toMatchObject({ state: "running", budget: { usd: 5 } });
  expect(await statesOf(id)).toEqual(["ready", "ready"]);
  expect(await listOpenQuestions(bench.db, id)).toEqual([]);
  // Lower again, but not below what is spent.
  expect((await setBudget(bench.deps, id, 3)).task).toMatchObject({
    ...{ state: "running", budget: { usd: 3 } },
  });
});

test("a raise of dollars leaves a task waiting whose turns are used up, and says so", async () => {
  const id = await startRefused();
  const { detail, task } = await setBudget(bench.deps, id, 9);
  expect(detail).toBe(
    "the budget is $9, 2 turns now, and the task still waits: the budget is used up: 2 turns of 2 turns",
  );
  expect(task).toMatchObject({ state: "waiting", budget: { usd: 9, turns: 2 } });
  expect(await listOpenQuestions(bench.db, id)).toHaveLength(1);
  await answerQuestion(bench.deps, id, "no", null);
  await expect(setBudget(bench.deps, id, 20)).rejects.toMatchObject({ code: "conflict" });
});
