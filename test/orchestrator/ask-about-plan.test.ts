import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { answerQuestion, cancelTask } from "../../src/orchestrator/commands/commands.ts";
import { repairHold } from "../../src/orchestrator/runner/repair.ts";
import { listPlans } from "../../src/store/tasks/plans.ts";
import { listOpenQuestions } from "../../src/store/tasks/questions.ts";
import { getTask, listEvents, listSubtasks } from "../../src/store/tasks/tasks.ts";
import { findUnsoundHolds } from "../../src/store/tasks/unsound-holds.ts";
import { type Bench, makeBench, planned } from "../support/orchestrator.ts";

/** A task whose plan waits for a person, on a real database: nothing gets past it, nothing loses it. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterEach(async () => {
  expect(await findUnsoundHolds(bench.db)).toEqual([]);
  await bench.database.query("truncate plans cascade");
  await bench.clear();
});
afterAll(() => bench?.close());

async function propose(): Promise<string> {
  const id = await bench.submit({ approval: "plan" });
  await plan();
  return id;
}
async function plan(): Promise<void> {
  const claim = await bench.claim("plan");
  if (!claim) throw new Error("nothing to plan");
  await bench.report(claim, planned([{ key: "a" }, { key: "b", dependsOn: ["a"] }]));
}
const stateOf = async (id: string) => (await getTask(bench.db, id))?.state;

test("it holds its question, no stage can claim it, and approval starts what was shown", async () => {
  const id = await propose();
  expect(await stateOf(id)).toBe("waiting");
  for (const stage of ["plan", "execute", "deliver"] as const)
    expect(await bench.claim(stage)).toBeNull();
  await answerQuestion(bench.deps, id, "approve", null);
  expect(await stateOf(id)).toBe("running");
  expect((await listSubtasks(bench.db, id)).map(({ key, state }) => [key, state])).toEqual([
    ["a", "ready"],
    ["b", "blocked"],
  ]);
  await cancelTask(bench.deps, id);
});

test("a question that was lost is asked again, about the same plan", async () => {
  const id = await propose();
  const [lost] = await listOpenQuestions(bench.db, id);
  await bench.database.query("update questions set answered_at = now() where task_id = $1", [id]);
  for (const unsound of await findUnsoundHolds(bench.db)) await repairHold(bench.deps, unsound);
  const [again] = await listOpenQuestions(bench.db, id);
  expect(again).toMatchObject({ kind: "plan", text: lost?.text });
  expect(again?.id).not.toBe(lost?.id);
  await answerQuestion(bench.deps, id, "yes", null);
  expect(await stateOf(id)).toBe("running");
  expect((await listPlans(bench.db, id)).map(({ state }) => state)).toEqual(["accepted"]);
  await cancelTask(bench.deps, id);
});

test("what is sent back is planned again; the record keeps both", async () => {
  const id = await propose();
  await answerQuestion(bench.deps, id, "Smaller, please", null);
  expect(await stateOf(id)).toBe("planning");
  await plan();
  await answerQuestion(bench.deps, id, "no", null);
  expect(await stateOf(id)).toBe("cancelled");
  const plans = await listPlans(bench.db, id);
  expect(plans.map(({ state, feedback }) => [state, feedback])).toEqual([
    ["rejected", "Smaller, please"],
    ["rejected", null],
  ]);
});

test("it can be cancelled like any other, without an answer", async () => {
  const id = await propose();
  await cancelTask(bench.deps, id);
  expect(await stateOf(id)).toBe("cancelled");
  const events = await listEvents(bench.db, id, 0, 100);
  expect(events.at(-1)?.type).toBe("task.cancelled");
  await expect(answerQuestion(bench.deps, id, "approve", null)).rejects.toThrow("asks nothing");
});
