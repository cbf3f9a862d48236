import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type AskOption, optionsFor } from "../../src/core/attention/ask.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import { newId } from "../../src/core/base/id.ts";
import { answerQuestion, retryTask } from "../../src/orchestrator/commands/commands.ts";
import { pressOption } from "../../src/orchestrator/commands/press.ts";
import { findAsk, keepAsk } from "../../src/store/pushes/asks.ts";
import { listQuestions } from "../../src/store/tasks/questions.ts";
import { getTask } from "../../src/store/tasks/tasks.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";

/** Buttons, pages and the command line answer the same question: one of them does. */
let bench: Bench;
let asks = 0;
beforeAll(async () => {
  bench = await makeBench();
});
beforeEach(() => bench.clear());
afterAll(() => bench?.close());

const where = { deliveryUrl: null, repository: "/nowhere" };

async function ask(taskId: string, questionId: string | null, options: AskOption[], days = 1) {
  const id = String(asks++).padStart(12, "0");
  const [event] = await bench.db
    .selectFrom("events")
    .select("id")
    .where("taskId", "=", taskId)
    .orderBy("seq", "desc")
    .limit(1)
    .execute();
  const about = { taskId, questionId, options, days };
  return keepAsk(bench.db, { id, eventId: event?.id ?? newId("event"), ...about, pageHash: id });
}

const press = (on: Awaited<ReturnType<typeof ask>>, label: string, by = "a phone") => {
  const option = on.options.find((one) => one.label === label);
  if (!option) throw new Error(`no option ${label}`);
  const more = { words: null, by, message: null, requirePlanner: () => {} };
  return pressOption(bench.deps, on, { option, ...more });
};

test("two phones, the command line and the expiry, in any order: exactly one answer", async () => {
  const actor = fc.record({
    who: fc.constantFrom("phone", "page", "cli", "expiry"),
    says: fc.constantFrom("yes", "no"),
    afterMs: fc.integer({ min: 0, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(actor, { minLength: 2, maxLength: 5 }), async (actors) => {
      const taskId = await bench.submit({}, "May it start?");
      const [question] = await listQuestions(bench.db, taskId);
      if (!question) throw new Error("nothing is asked");
      const options = optionsFor({ type: "question.asked", kind: "approval" }, where);
      const on = await ask(taskId, question.id, options);
      const act = async ({ who, says, afterMs }: (typeof actors)[number]) => {
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        if (who === "cli") await answerQuestion(bench.deps, taskId, says, question.id);
        else if (who !== "expiry") await press(on, says, who);
        else {
          const set = { expiresAt: new Date(0) };
          await bench.db.updateTable("asks").set(set).where("id", "=", on.id).execute();
          return null;
        }
        return { who, says };
      };
      const results = await Promise.allSettled(actors.map(act));
      const won = results.flatMap((one) =>
        one.status === "fulfilled" && one.value ? [one.value] : [],
      );
      for (const one of results)
        if (one.status === "rejected") expect(one.reason).toBeInstanceOf(DeputyError);
      const may = actors.filter(({ who }) => who !== "expiry");
      const maybeNone = may.every(({ who }) => who !== "cli") && may.length < actors.length;
      expect(won.length).toBeGreaterThanOrEqual(maybeNone || may.length === 0 ? 0 : 1);
      expect(won.length).toBeLessThanOrEqual(1);
      const [after] = await listQuestions(bench.db, taskId);
      expect(after?.answer ?? null).toBe(won[0]?.says ?? null);
      const used = await findAsk(bench.db, on.id);
      expect(used?.usedBy ?? null).toBe(won[0] && won[0].who !== "cli" ? won[0].who : null);
    }),
    { numRuns: 40 },
  );
});

test("whoever comes second is told what is true, and an expired ask changes nothing", async () => {
  const taskId = await bench.submit({}, "May it start?");
  const [question] = await listQuestions(bench.db, taskId);
  const options = optionsFor({ type: "question.asked", kind: "approval" }, where);
  const on = await ask(taskId, question?.id ?? "", options);
  await press(on, "yes", "a button of a push");
  await expect(press(on, "no")).rejects.toThrow(
    /^Already answered: yes, at \d{4}-\d\d-\d\d \d\d:\d\d UTC, by a button of a push\.$/,
  );
  const other = await bench.submit({}, "And this one?");
  const [second] = await listQuestions(bench.db, other);
  const late = await ask(other, second?.id ?? "", options, -1);
  await expect(press(late, "yes")).rejects.toThrow(`Use deputy answer ${other}`);
  expect((await getTask(bench.db, other))?.state).toBe("waiting");
});

test("a retry is for the failure that was pushed, not for the next one", async () => {
  const taskId = await bench.submit();
  const fail = async () => {
    const claim = await bench.claim("plan");
    if (!claim) throw new Error("nothing to plan");
    await bench.report(claim, { kind: "refused", detail: "no such branch" });
  };
  await fail();
  const options = optionsFor({ type: "task.failed", kind: null }, where);
  const [first, page] = [await ask(taskId, null, options), "retry"];
  await retryTask(bench.deps, taskId);
  await fail();
  await expect(press(first, page)).rejects.toThrow("was retried since");
  const second = await ask(taskId, null, options);
  await press(second, "retry");
  expect((await getTask(bench.db, taskId))?.state).toBe("queued");
  await expect(press(second, "retry")).rejects.toThrow("Already answered: retry");
});
