import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import {
  answerQuestion,
  cancelTask,
  recordHandover,
  retryTask,
} from "../../src/orchestrator/commands/commands.ts";
import { getTask, listSubtasks } from "../../src/store/tasks/tasks.ts";
import { attempted, type Bench, decided, makeBench, success } from "../support/orchestrator.ts";

/** What a person asks for at a bad moment is done or refused in words, never half done. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
beforeEach(() => bench.clear());
afterAll(() => bench?.close());

const refused = (code: string) => (error: unknown) => {
  expect(error).toBeInstanceOf(DeputyError);
  expect((error as DeputyError).code).toBe(code);
};

async function run(stage: Parameters<Bench["claim"]>[0], outcome = success(stage)): Promise<void> {
  const claim = await bench.claim(stage);
  if (!claim) throw new Error(`nothing to ${stage}`);
  expect(await bench.report(claim, outcome)).toBe("applied");
}

const origin = {
  source: "github",
  subject: "github:acme/app#1",
  outsideText: null,
  replyTo: null,
  reviewedAgainst: null,
} as const;

test("a task that failed while it was asked to stop is not cancelled by its retry", async () => {
  const id = await bench.submit();
  const claim = await bench.claim("plan");
  await cancelTask(bench.deps, id);
  if (!claim) throw new Error("nothing to plan");
  await bench.report(claim, { kind: "refused", detail: "no such branch" });
  expect((await getTask(bench.db, id))?.state).toBe("failed");
  expect((await retryTask(bench.deps, id)).cancelRequestedAt).toBeNull();
  await run("plan");
  expect((await getTask(bench.db, id))?.state).toBe("running");
});

test("a retry is refused in words while another task works on the same subject", async () => {
  const id = await bench.submit({ origin });
  await run("plan", { kind: "refused", detail: "no such branch" });
  const active = await bench.submit({ origin });
  await retryTask(bench.deps, id).then(
    () => expect.unreachable(),
    (error) => {
      refused("conflict")(error);
      expect(error.message).toContain(active);
    },
  );
  expect((await getTask(bench.db, id))?.state).toBe("failed");
});

test("a question of a subtask that was cancelled is not open any more", async () => {
  const id = await bench.submitPlanned([{}, {}]);
  await run("execute", attempted({ reason: "needs_input", commit: null }));
  const other = await bench.claim("execute");
  await run("recover", decided("ask"));
  await cancelTask(bench.deps, id);
  expect(other).not.toBeNull();
  expect((await listSubtasks(bench.db, id)).map(({ state }) => state).sort()).toEqual([
    "cancelled",
    "running",
  ]);
  await answerQuestion(bench.deps, id, "This one", null).then(
    () => expect.unreachable(),
    refused("conflict"),
  );
});

test("subtasks that write the same files do not run at once after a retry either", async () => {
  const id = await bench.submitPlanned([{ writes: ["src/**"] }, { writes: ["src/a.ts"] }]);
  for (let each = 0; each < 2; each++) {
    await run("execute", attempted({ reason: "gave_up", commit: null }));
    await run("recover", decided("give_up"));
  }
  expect((await getTask(bench.db, id))?.state).toBe("failed");
  await retryTask(bench.deps, id);
  expect(await bench.claim("execute")).not.toBeNull();
  expect(await bench.claim("execute")).toBeNull();
});

test("what is discarded while somebody retries it stays what it is: a task at work", async () => {
  const id = await bench.submit();
  await run("plan", { kind: "refused", detail: "no such branch" });
  await retryTask(bench.deps, id);
  await recordHandover(bench.deps, id, "task.discarded", "Discarded").then(
    () => expect.unreachable(),
    refused("conflict"),
  );
  expect((await getTask(bench.db, id))?.discardedAt).toBeNull();
});
