import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PlannedSubtask } from "../../src/core/plan.ts";
import { makePrepareAhead } from "../../src/executor/prepare-ahead.ts";
import { listSubtasks } from "../../src/store/tasks.ts";
import { listWorktreesOf } from "../../src/store/worktrees.ts";
import { addWorktree } from "../../src/worktree/worktree.ts";
import { type Bench, makeBench, planned } from "../support/orchestrator.ts";
import { makeRepository, mirrorOf } from "../worktree/repositories.ts";

/** Worktrees for those who wait, while nobody has claimed them. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench.close());

async function submit(
  source: { mirror: string; base: string },
  subtasks: Partial<PlannedSubtask>[],
): Promise<Record<string, string>> {
  const id = await bench.submit();
  const claim = await bench.claim("plan");
  const outcome = planned(subtasks);
  if (!claim || outcome.kind !== "planned") throw new Error("nothing to plan");
  const { preparation } = outcome;
  await bench.report(claim, {
    ...outcome,
    preparation: { ...preparation, mirror: source.mirror, baseCommit: source.base },
  });
  const rows = await listSubtasks(bench.db, id);
  return { task: id, ...Object.fromEntries(rows.map((row) => [row.key, row.id])) };
}

test("those who wait longest get a worktree that is new to whoever claims them", async () => {
  const { mirror, base, home } = await mirrorOf(makeRepository());
  const worktrees = join(home, "trees");
  const ids = await submit({ mirror: mirror.gitDir, base }, [
    { key: "first" },
    { key: "second" },
    { key: "plan", kind: "plan" },
    { key: "late", dependsOn: ["first"] },
  ]);
  let urgent = 0;
  const prepareAhead = makePrepareAhead({
    db: bench.db,
    paths: { worktrees },
    count: 10,
    atOnce: 2,
    untilCalm: async () => {},
    beginUrgent: () => {
      urgent++;
      return () => urgent--;
    },
  });
  await prepareAhead(new AbortController().signal);
  expect(urgent).toBe(0);
  const has = (key: string) => existsSync(join(worktrees, ids[key] ?? ""));
  expect(["first", "second", "plan", "late"].map(has)).toEqual([true, true, false, false]);
  const rows = await listWorktreesOf(bench.db, ids.task ?? "");
  expect(rows.map(({ state, preparedFor }) => [state, preparedFor])).toEqual(
    Array(2).fill(["active", null]),
  );
  expect(new Set(rows.map(({ portBase }) => portBase)).size).toBe(2);
  const path = join(worktrees, ids.first ?? "");
  expect(await addWorktree(mirror, path, base)).toBe("created");
  await prepareAhead(new AbortController().signal);
  expect(await addWorktree(mirror, path, base)).toBe("existed");
});
