import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { commentOnTask } from "../../src/orchestrator/steer.ts";
import { getTask, listSubtasks } from "../../src/store/tasks.ts";
import { attempted, type Bench, makeBench, success } from "../support/orchestrator.ts";

/** A comment on a task that is over: what the next attempt is told is true, and nothing is half done. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
beforeEach(() => bench.clear());
afterAll(() => bench?.close());

const comment = { place: "a.js:1", text: "Name it better" };
const about = { diff: "+const x = 1;\n", subtaskKey: null };
const origin = {
  source: "github",
  subject: "github:acme/app#1",
  outsideText: null,
  replyTo: null,
  reviewedAgainst: null,
} as const;

async function run(stage: Parameters<Bench["claim"]>[0], outcome = success(stage)): Promise<void> {
  const claim = await bench.claim(stage);
  if (!claim) throw new Error(`nothing to ${stage}`);
  expect(await bench.report(claim, outcome)).toBe("applied");
}

async function feedbackOf(id: string): Promise<string | null | undefined> {
  return (await listSubtasks(bench.db, id))[0]?.feedback;
}

test("delivered work is in the worktree of whoever changes it", async () => {
  const id = await bench.submit({ origin });
  for (const stage of ["plan", "execute", "verify", "integrate", "deliver"] as const)
    await run(stage);
  expect((await commentOnTask(bench.deps, id, comment, about)).state).toBe("running");
  expect(await feedbackOf(id)).toContain("The worktree holds the work so far");
  const claim = await bench.claim("execute");
  expect(claim?.taskId).toBe(id);
});

test("work that failed before anything was merged is not, and the brief does not say so", async () => {
  const id = await bench.submit();
  await run("plan");
  await run("execute", attempted({ reason: "gave_up", failure: "agent_failed" }));
  await run("recover");
  expect((await getTask(bench.db, id))?.state).toBe("failed");
  await commentOnTask(bench.deps, id, comment, about);
  const feedback = await feedbackOf(id);
  expect(feedback).toContain("Name it better");
  expect(feedback).toContain("+const x = 1;");
  expect(feedback).not.toContain("The worktree holds the work so far");
  expect(feedback).toContain("nothing of it is in the worktree");
});

test("it is refused in words while another task works on the same subject", async () => {
  const id = await bench.submit({ origin });
  for (const stage of ["plan", "execute", "verify", "integrate", "deliver"] as const)
    await run(stage);
  const active = await bench.submit({ origin });
  await expect(commentOnTask(bench.deps, id, comment, about)).rejects.toThrow(
    `github:acme/app#1 has another active task, ${active}`,
  );
  expect((await getTask(bench.db, id))?.state).toBe("completed");
});
