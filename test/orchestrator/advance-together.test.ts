import { afterAll, beforeAll, expect, test } from "vitest";
import type { Claim, Outcome } from "../../src/core/outcome.ts";
import { advanceTogether } from "../../src/orchestrator/advance-together.ts";
import { claimWork } from "../../src/orchestrator/claim.ts";
import { getSubtask, getTask } from "../../src/store/tasks.ts";
import { type Bench, makeBench, planned } from "../support/orchestrator.ts";

/** Many stages that end at the same moment, on a real database. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

async function claimAll(stage: "plan" | "execute", count: number): Promise<Claim[]> {
  const claims: Claim[] = [];
  for await (const claim of claimWork(bench.db, bench.processId, stage, count)) claims.push(claim);
  expect(claims).toHaveLength(count);
  return claims;
}

const stateOf = async ({ taskId }: Claim) => (await getTask(bench.db, taskId))?.state;

test("all of them are applied, in a few transactions, each with its events in order", async () => {
  const advance = advanceTogether(bench.deps, bench.processId);
  for (let i = 0; i < 40; i++) await bench.submit();
  const [firstPlan, ...plans] = await claimAll("plan", 40);
  if (!firstPlan) throw new Error("no claim");
  expect(await advance(firstPlan, planned())).toBe("applied");
  const before = await countCommits();
  expect(new Set(await Promise.all(plans.map((claim) => advance(claim, planned()))))).toEqual(
    new Set(["applied"]),
  );
  expect((await countCommits()) - before).toBeLessThan(20);
  for (const claim of plans) expect(await stateOf(claim)).toBe("running");
  const rows = await bench.database.query(
    "select array_agg(type order by seq) as types from events group by task_id",
  );
  for (const { types } of rows)
    expect(types).toEqual(["task.created", "task.planning", "task.planned", "subtask.ready"]);
  await bench.clear();
});

test("one that cannot be applied is refused alone; one that is not ours changes nothing", async () => {
  const advance = advanceTogether(bench.deps, bench.processId);
  for (let i = 0; i < 6; i++) await bench.submitPlanned();
  const claims = await claimAll("execute", 6);
  const parked: Outcome = { kind: "parked", detail: "stopped", snapshotRef: null };
  const impossible: Outcome = {
    kind: "delivered",
    branch: "x",
    commit: "y",
    url: null,
    detail: "",
  };
  const ends = await Promise.allSettled(
    claims.map((claim, i) => {
      if (i === 2) return advance(claim, impossible);
      return advance(i === 4 ? { ...claim, epoch: claim.epoch - 1 } : claim, parked);
    }),
  );
  expect(
    ends.map((end) => (end.status === "rejected" ? String(end.reason) : end.value)),
  ).toMatchObject([
    "applied",
    "applied",
    expect.stringContaining("cannot report delivered"),
    "applied",
    "stale",
    "applied",
  ]);
  const states = await Promise.all(
    claims.map(async ({ subtaskId }) => (await getSubtask(bench.db, subtaskId ?? ""))?.state),
  );
  expect(states).toEqual(
    [2, 4].reduce((all, i) => all.with(i, "running"), Array(6).fill("recovering")),
  );
  await bench.clear();
});

test("two subtasks of one task that end together are both counted", async () => {
  const advance = advanceTogether(bench.deps, bench.processId);
  const taskId = await bench.submitPlanned([{ key: "one" }, { key: "two" }]);
  const claims = await claimAll("execute", 2);
  const failed: Outcome = { kind: "parked", detail: "stopped", snapshotRef: null };
  expect(await Promise.all(claims.map((claim) => advance(claim, failed)))).toEqual([
    "applied",
    "applied",
  ]);
  const rows = await bench.database.query("select state from subtasks where task_id = $1", [
    taskId,
  ]);
  expect(rows).toEqual([{ state: "recovering" }, { state: "recovering" }]);
});

async function countCommits(): Promise<number> {
  // Each transaction that wrote events has a number of its own.
  const rows = await bench.database.query(
    "select count(distinct xmin::text)::int as n from events",
  );
  return Number(rows[0]?.n);
}
