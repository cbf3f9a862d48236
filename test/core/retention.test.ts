import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chooseForgettable,
  choosePrunable,
  type KeptTask,
  type KeptWorktree,
} from "../../src/core/task/retention.ts";

const day = (number: number) => new Date(Date.UTC(2026, 0, number));
const before = day(50);
const worktree = (set: Partial<KeptWorktree> = {}): KeptWorktree => ({
  ...{ id: "wt", state: "active", lastUsedAt: day(10), removedAt: null, snapshotRef: null },
  ...set,
});
const task = (set: Partial<KeptTask> = {}): KeptTask => ({
  ...{ id: "task", endedAt: day(20), prunedAt: null, worktrees: [] },
  ...set,
});
const nothing = { records: false, worktrees: [], snapshots: [] };
const aside = { state: "removed", snapshotRef: "refs/x", removedAt: day(30) } as const;

test.each<[string, KeptTask, object]>([
  ["not over", task({ endedAt: null, worktrees: [worktree(), worktree(aside)] }), nothing],
  ["ended lately", task({ endedAt: day(51), worktrees: [worktree(), worktree(aside)] }), nothing],
  ["ended at the border", task({ endedAt: before }), nothing],
  ["ended long ago", task(), { ...nothing, records: true }],
  ["pruned before", task({ prunedAt: day(49) }), nothing],
  ["reopened since it was pruned", task({ prunedAt: day(19) }), { ...nothing, records: true }],
  [
    "a kept worktree is put aside, and its snapshot stays",
    task({ prunedAt: day(49), worktrees: [worktree()] }),
    { ...nothing, worktrees: ["wt"] },
  ],
  [
    "a worktree that was restored lately",
    task({ prunedAt: day(49), worktrees: [worktree({ lastUsedAt: day(60) })] }),
    nothing,
  ],
  [
    "an old snapshot",
    task({ prunedAt: day(49), worktrees: [worktree(aside)] }),
    { ...nothing, snapshots: ["wt"] },
  ],
  [
    "a snapshot of an old task that was made lately",
    task({ prunedAt: day(49), worktrees: [worktree({ ...aside, removedAt: day(60) })] }),
    nothing,
  ],
  [
    "a snapshot that went",
    task({ prunedAt: day(49), worktrees: [worktree({ ...aside, snapshotRef: null })] }),
    nothing,
  ],
])("%s", (_, kept, due) => {
  expect(choosePrunable(kept, before)).toEqual(due);
});

test("whatever a task looks like, nothing of it goes before its time", () => {
  const times = fc.option(fc.integer({ min: 1, max: 100 }).map(day));
  const worktrees = fc.array(
    fc.record({
      id: fc.string(),
      state: fc.constantFrom("active" as const, "removed" as const),
      lastUsedAt: fc.integer({ min: 1, max: 100 }).map(day),
      removedAt: times,
      snapshotRef: fc.option(fc.constant("refs/x")),
    }),
  );
  const tasks = fc.record({ id: fc.string(), endedAt: times, prunedAt: times, worktrees });
  fc.assert(
    fc.property(tasks, (kept) => {
      const due = choosePrunable(kept, before);
      const isYoung = kept.endedAt === null || kept.endedAt >= before;
      if (isYoung) expect(due).toEqual(nothing);
      for (const { id, removedAt } of kept.worktrees)
        if (kept.worktrees.length === 1 && (removedAt === null || removedAt >= before))
          expect(due.snapshots).not.toContain(id);
    }),
  );
});

test("what recognises a repeated request is remembered for thirty days at least", () => {
  expect(chooseForgettable(0.001, day(50))).toEqual(day(20));
  expect(chooseForgettable(40, day(50))).toEqual(day(10));
});
