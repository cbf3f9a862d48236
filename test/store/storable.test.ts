import { afterAll, beforeAll, expect, test } from "vitest";
import { titleOf } from "../../src/core/text/title.ts";
import { planDirectly } from "../../src/planner/plan-task.ts";
import { getTask, listEvents } from "../../src/store/tasks/tasks.ts";
import { appendEvent } from "../../src/store/tasks/transition.ts";
import { mergeChecks } from "../../src/verifier/checks/inspect-repository.ts";
import { type Bench, makeBench, planned } from "../support/orchestrator.ts";

/** PostgreSQL takes neither NUL nor half a character; no text may keep a state from being written. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

test("half characters and NULs in an event's data are replaced, keys included", async () => {
  const id = await bench.submit();
  const data = { "half \ud83d": ["nul \0", { deep: "\udfff" }], whole: "😀", said: "\\u0000" };
  await appendEvent(bench.db, id, { type: "attempt.progressed", message: "x", data });
  const event = (await listEvents(bench.db, id, 0, 10)).at(-1);
  expect(event?.data).toEqual({
    "half \ufffd": ["nul \ufffd", { deep: "\ufffd" }],
    whole: "😀",
    said: "\\u0000",
  });
});

test.each([70, 71, 72, 98, 99])("a goal with an emoji at %d is planned", async (at) => {
  await bench.clear();
  const id = await bench.submit({ goal: `${"a".repeat(at)}😀${"b".repeat(50)}` });
  const claim = await bench.claim("plan");
  const task = await getTask(bench.db, id);
  if (!claim || !task) throw new Error("nothing to plan");
  const outcome = planned();
  if (outcome.kind !== "planned") throw new Error("planned is planned");
  expect(await bench.report(claim, { ...outcome, plan: planDirectly(task, "asked for") })).toBe(
    "applied",
  );
  expect(titleOf(task)).toBe(Buffer.from(titleOf(task)).toString());
});

test("the name of a check never ends in half a character", () => {
  const [check] = mergeChecks([], [`echo ${"a".repeat(73)}😀 ${"b".repeat(20)}`], "plan");
  expect(check?.name).toBe(Buffer.from(check?.name ?? "").toString());
});
