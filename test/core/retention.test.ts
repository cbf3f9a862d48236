import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chooseForgettable,
  choosePrunable,
  type KeptTask,
  type KeptWorktree,
  whenSettled,
} from "../../src/core/task/retention.ts";

const day = (number: number) => new Date(Date.UTC(2026, 0, number));
const before = day(50);
const worktree = (set: Partial<KeptWorktree> = {}): KeptWorktree => ({
  ...{ id: "wt", state: "active", lastUsedAt: day(10), removedAt: null, snapshotRef: null },
  ...set,
});
const task = (set: Partial<KeptTask> = {}): KeptTask => ({
  ...{ id: "task", endedAt: day(20), settledAt: day(20), hasSnapshots: false, prunedAt: null },
  ...{ worktrees: [], ...set },
});
const nothing = { records: false, attempts: false, worktrees: [], snapshots: [] };
const all = { ...nothing, records: true, attempts: true };
const aside = { state: "removed", snapshotRef: "refs/x", removedAt: day(30) } as const;

test.each<[string, KeptTask, object]>([
  ["not over", task({ endedAt: null, worktrees: [worktree(), worktree(aside)] }), nothing],
  ["ended lately", task({ endedAt: day(51), worktrees: [worktree(), worktree(aside)] }), nothing],
  ["ended at the border", task({ endedAt: before }), nothing],
  ["ended long ago", task(), all],
  ["waits for a decision", task({ settledAt: null }), { ...nothing, records: true }],
  ["settled lately", task({ settledAt: day(51) }), { ...nothing, records: true }],
  [
    "settled since its records went",
    task({ prunedAt: day(49), hasSnapshots: true }),
    { ...nothing, attempts: true },
  ],
  [
    "waits for a decision, and its worktree was put aside",
    task({ settledAt: null, prunedAt: day(49), hasSnapshots: true, worktrees: [worktree(aside)] }),
    nothing,
  ],
  ["pruned before", task({ prunedAt: day(49) }), nothing],
  ["reopened since it was pruned", task({ prunedAt: day(19) }), all],
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
  const tasks = fc.record({
    ...{ id: fc.string(), endedAt: times, settledAt: times, prunedAt: times, worktrees },
    hasSnapshots: fc.boolean(),
  });
  fc.assert(
    fc.property(tasks, (kept) => {
      const due = choosePrunable(kept, before);
      const isYoung = kept.endedAt === null || kept.endedAt >= before;
      if (isYoung) expect(due).toEqual(nothing);
      const isOpen = kept.settledAt === null || kept.settledAt >= before;
      if (isOpen) expect(due).toMatchObject({ attempts: false, snapshots: [] });
      for (const { id, removedAt } of kept.worktrees)
        if (kept.worktrees.length === 1 && (removedAt === null || removedAt >= before))
          expect(due.snapshots).not.toContain(id);
    }),
  );
});

test.each<[string, Partial<Parameters<typeof whenSettled>[0]>, boolean, Date | null]>([
  ["not over", { endedAt: null, acceptedAt: day(3) }, true, null],
  ["completed", {}, false, null],
  ["failed", { state: "failed" }, false, null],
  ["cancelled", { state: "cancelled" }, false, day(20)],
  ["merged by hand", {}, true, day(20)],
  ["a review", { expectsChange: false }, false, day(20)],
  ["a review that failed", { state: "failed", expectsChange: false }, false, null],
  ["accepted", { acceptedAt: day(30) }, false, day(30)],
  ["discarded before it was cancelled", { discardedAt: day(10) }, false, day(20)],
  ["accepted and rolled back", { acceptedAt: day(30), rolledBackAt: day(40) }, false, day(40)],
])("%s: since when it is settled", (_, set, isMerged, at) => {
  const decided = { acceptedAt: null, rolledBackAt: null, discardedAt: null };
  const completed = { state: "completed", endedAt: day(20), expectsChange: true } as const;
  const delivered = { deliveredCommit: "c1" };
  expect(whenSettled({ ...decided, ...completed, ...delivered, ...set }, isMerged)).toEqual(at);
});

test("what recognises a repeated request is remembered for thirty days at least", () => {
  expect(chooseForgettable(0.001, day(50))).toEqual(day(20));
  expect(chooseForgettable(40, day(50))).toEqual(day(10));
});
