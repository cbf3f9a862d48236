import { rmSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type AskOption, optionsFor } from "../../src/core/attention/ask.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import { newId } from "../../src/core/base/id.ts";
import {
  type DecideDeps,
  finishAbandoned,
  makeDecide,
} from "../../src/daemon/service/decide-delivered.ts";
import { retryTask } from "../../src/orchestrator/commands/commands.ts";
import { beginDecision, withdrawDecision } from "../../src/orchestrator/commands/decide.ts";
import { findAsk, keepAsk } from "../../src/store/pushes/asks.ts";
import { takeAbandoned } from "../../src/store/tasks/decisions.ts";
import { markProcessEnded } from "../../src/store/tasks/processes.ts";
import { getTask } from "../../src/store/tasks/tasks.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";

/** Pages, the command line and a process that dies decide on delivered work: one decision, one result. */
let bench: Bench;
let repository: TestRepository;
let deps: DecideDeps;
let deadProcess = "";
let start = "";
let work = "";
let number = 0;
beforeAll(async () => {
  bench = await makeBench();
  repository = await makeRepository({ "a.txt": "one\n" });
  start = repository.git("rev-parse", "HEAD");
  repository.git("checkout", "--quiet", "-b", "deputy/work");
  await repository.write({ "a.txt": "two\n" });
  repository.git("commit", "--quiet", "--all", "--message", "work");
  work = repository.git("rev-parse", "HEAD");
  repository.git("checkout", "--quiet", "main");
  deadProcess = await bench.addProcess();
  await markProcessEnded(bench.db, deadProcess);
  deps = {
    ...bench.deps,
    processId: bench.processId,
    config: { paths: { artifacts: `${repository.path}/.git/artifacts` } } as DecideDeps["config"],
    mirrors: null as unknown as DecideDeps["mirrors"],
    ...{ findForge: () => null, authHeader: async () => null, redact: (text) => text },
    ...{ onMirror: (_, doIt) => doIt(), onGarbled: () => {} },
  };
});
beforeEach(() => bench.clear());
afterAll(async () => {
  await bench?.close();
  await repository?.remove();
});

/** A task that has delivered the branch, and the ask of its push. */
async function deliver() {
  rmSync(`${repository.path}/.git/index.lock`, { force: true });
  repository.git("reset", "--quiet", "--hard", start);
  repository.git("branch", "--force", "deputy/work", work);
  const taskId = await bench.submit({ repository: repository.path });
  const over = { state: "completed", branch: "deputy/work", deliveredCommit: work } as const;
  const noHold = { holdKind: null, holdReason: null, holdOn: null, holdAt: null };
  await bench.db
    .updateTable("tasks")
    .set({ ...over, ...noHold, endedAt: new Date() })
    .where("id", "=", taskId)
    .execute();
  const where = { deliveryUrl: null, repository: repository.path };
  const options = optionsFor({ type: "task.completed", kind: null }, where);
  const id = `d${String(number++).padStart(11, "0")}`;
  const about = { taskId, questionId: null, options, days: 1, pageHash: id };
  return { taskId, ask: await keepAsk(bench.db, { id, eventId: newId("event"), ...about }) };
}
type Delivered = Awaited<ReturnType<typeof deliver>>;
type Verb = "accept" | "discard";

function pressed({ ask }: Delivered, verb: Verb, by: string, shown: string | null = work) {
  const option = ask.options.find((one) => one.verb === verb) as AskOption;
  return { ask, press: { option, words: null, by, message: null }, shown };
}
const eventsOf = async (taskId: string, type: string) =>
  (await bench.db.selectFrom("events").select(["type"]).where("taskId", "=", taskId).execute())
    .length > 0
    ? bench.db
        .selectFrom("events")
        .select("message")
        .where("taskId", "=", taskId)
        .where("type", "=", type as "task.accepted")
        .execute()
    : [];
const isMerged = () => repository.git("rev-list", "main").includes(work);

test("two phones, the command line, a death and the expiry, in any order: one decision", async () => {
  const actor = fc.record({
    who: fc.constantFrom("phone", "page", "cli", "dies", "expiry"),
    verb: fc.constantFrom<Verb>("accept", "discard"),
    afterMs: fc.integer({ min: 0, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(actor, { minLength: 2, maxLength: 5 }), async (actors) => {
      const on = await deliver();
      const { ask, taskId } = on;
      const decide = makeDecide(deps);
      const act = async ({ afterMs, verb, who }: (typeof actors)[number]) => {
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        if (who === "expiry") {
          const set = { expiresAt: new Date(0) };
          await bench.db.updateTable("asks").set(set).where("id", "=", ask.id).execute();
          return null;
        }
        if (who === "cli") await decide(taskId, verb);
        else if (who === "dies")
          await beginDecision(
            deps,
            { taskId, verb, processId: deadProcess },
            pressed(on, verb, who),
          );
        else await decide(taskId, verb, pressed(on, verb, who));
        return { who, verb };
      };
      const results = await Promise.allSettled(actors.map(act));
      for (const one of results)
        if (one.status === "rejected") expect(one.reason).toBeInstanceOf(DeputyError);
      const won = results.flatMap((one) =>
        one.status === "fulfilled" && one.value ? [one.value] : [],
      );
      await Promise.all(
        [0, 1].map(() => finishAbandoned(deps, (error) => expect.unreachable(error.message))),
      );
      expect(await bench.db.selectFrom("decisions").selectAll().execute()).toEqual([]);

      const byAsk = won.filter(({ who }) => who !== "cli");
      expect(byAsk.length).toBeLessThanOrEqual(1);
      expect((await findAsk(bench.db, ask.id))?.usedBy ?? null).toBe(byAsk[0]?.who ?? null);
      const task = await getTask(bench.db, taskId);
      const accepted = await eventsOf(taskId, "task.accepted");
      const discarded = await eventsOf(taskId, "task.discarded");
      expect([accepted.length, discarded.length].every((count) => count <= 1)).toBe(true);
      expect(task?.acceptedAt !== null).toBe(isMerged());
      expect(accepted.length).toBe(isMerged() ? 1 : 0);
      // A person at the command line may tidy up after what was accepted; nothing else comes twice.
      if (accepted.length + discarded.length > 1)
        expect(won.some(({ verb, who }) => who === "cli" && verb === "discard")).toBe(true);
      if (byAsk[0]) expect(isMerged()).toBe(byAsk[0].verb === "accept");
      const last = await decide(taskId, "accept", pressed(on, "accept", "late")).catch(
        (error: Error) => error.message,
      );
      expect(last).toMatch(/nothing was changed|Already answered/);
    }),
    { numRuns: 15 },
  );
});

test("while it is decided nothing else begins; what cannot be carried out leaves all as it was", async () => {
  const on = await deliver();
  const { ask, taskId } = on;
  await beginDecision(
    deps,
    { taskId, verb: "accept", processId: bench.processId },
    pressed(on, "accept", "the paired iPhone"),
  );
  const decide = makeDecide(deps);
  const said = `${taskId} is being accepted just now, by the paired iPhone; nothing was changed.`;
  await expect(decide(taskId, "discard")).rejects.toThrow(said);
  await bench.db.updateTable("tasks").set({ state: "failed" }).where("id", "=", taskId).execute();
  await expect(retryTask(deps, taskId)).rejects.toThrow(said);
  const set = { state: "completed" } as const;
  await bench.db.updateTable("tasks").set(set).where("id", "=", taskId).execute();
  // Its process lives, so nobody takes it over.
  await finishAbandoned(deps, (error) => expect.unreachable(error.message));
  expect(isMerged()).toBe(false);
  // Another process's, which took it over or began anew, is not withdrawn.
  await withdrawDecision(deps, { taskId, processId: deadProcess });
  await expect(decide(taskId, "discard")).rejects.toThrow(said);
  await withdrawDecision(deps, { taskId, processId: bench.processId });
  expect((await findAsk(bench.db, ask.id))?.usedAt).toBeNull();

  await expect(
    decide(taskId, "accept", pressed(on, "accept", "a page", "0".repeat(40))),
  ).rejects.toThrow("delivered anew");
  // So does a caller of the API that said what it saw: it was checked before the decision began.
  await expect(decide(taskId, "accept", { ask: null, shown: "0".repeat(40) })).rejects.toThrow(
    "delivered anew",
  );
  await repository.write({ "a.txt": "mine\n" });
  await expect(decide(taskId, "accept", pressed(on, "accept", "a page"))).rejects.toThrow(
    DeputyError,
  );
  expect((await findAsk(bench.db, ask.id))?.usedAt).toBeNull();
  repository.git("checkout", "--quiet", "--", "a.txt");
  await decide(taskId, "accept", pressed(on, "accept", "a page"));
  expect(isMerged()).toBe(true);
  expect((await findAsk(bench.db, ask.id))?.usedBy).toBe("a page");
});

test("of several processes that find an abandoned decision one carries it out", async () => {
  const { taskId } = await deliver();
  await beginDecision(deps, { taskId, verb: "accept", processId: deadProcess });
  const [first, second] = [await bench.addProcess(), await bench.addProcess()];
  const took = await Promise.all(
    [first, second].map((processId) => takeAbandoned(bench.db, processId)),
  );
  expect(took.flat().map(({ taskId: id }) => id)).toEqual([taskId]);
  expect(took[0]?.length).not.toBe(took[1]?.length);
  await bench.db.deleteFrom("decisions").execute();
});
