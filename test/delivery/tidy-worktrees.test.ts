import { afterAll, beforeAll, expect, test } from "vitest";
import { tidyOldWorktrees } from "../../src/delivery/tidy-worktrees.ts";
import { claimWorktree } from "../../src/store/tasks/worktrees.ts";
import { openMirrors } from "../../src/worktree/mirror/mirror.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";

/** Tidying up when the process stops in the middle of it, which costs it its database. */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
  for (const name of ["one", "two"]) {
    const taskId = await bench.submitPlanned();
    const [subtask] = await bench.database.query<{ id: string }>(
      "select id from subtasks where task_id = $1",
      [taskId],
    );
    const wanted = { taskId, subtaskId: subtask?.id ?? "", mirror: "/nowhere.git" };
    await claimWorktree(bench.db, { ...wanted, path: `/nowhere/${name}` });
  }
  for (const table of ["subtasks", "tasks"]) {
    await bench.database.query(
      `update ${table} set state = 'cancelled', hold_kind = null, hold_owner = null, hold_at = null,
       hold_reason = null, hold_question_id = null, hold_on = null`,
    );
  }
});
afterAll(() => bench?.close());

test("one that cannot be removed does not keep the next one from it", async () => {
  const errors: Error[] = [];
  const stop = new AbortController();
  await tidyOldWorktrees(bench.db, openMirrors("/nowhere"), 0, stop.signal, (error) =>
    errors.push(error),
  );
  expect(errors).toHaveLength(2);
});

test("at a stop none is begun any more, and what fails then is no error", async () => {
  const errors: Error[] = [];
  const stop = new AbortController();
  await tidyOldWorktrees(bench.db, openMirrors("/nowhere"), 0, stop.signal, (error) => {
    errors.push(error);
    stop.abort();
  });
  expect(errors).toHaveLength(1);
});
