import { expect, test } from "vitest";
import { type Deed, findPossible } from "../../web/src/views/task/possible-deeds.ts";
import type { Detail } from "../../web/src/views/task/types.ts";

/** What the page offers for a task is what the daemon would do. */

const at = "2026-01-01T00:00:00.000Z";
type Parts = Partial<Omit<Detail, "task">> & { task?: Partial<Detail["task"]> };

function possible({ task, ...rest }: Parts): Deed[] {
  const detail = {
    task: {
      ...{ id: "task_1", state: "running", repository: "/home/me/app", expects_change: true },
      ...{ accepted_at: null, discarded_at: null, rolled_back_at: null, pruned_at: null },
      ...{ cancel_requested_at: null, paused_at: null, branch: null, delivery_url: null },
      ...{ decision: null, budget: null },
      ...task,
    },
    ...{ subtasks: [{ state: "running" }], attempts: [{ id: "a" }], questions: [], worktrees: [] },
    ...rest,
  } as unknown as Detail;
  return [...findPossible(detail)];
}
const done = { state: "completed", branch: "deputy/x", decision: "open" };
const worktrees = [{ state: "removed" }] as Detail["worktrees"];

test.each<[string, Parts, Deed[]]>([
  ["runs", {}, ["budget", "cancel", "comment", "pause", "say", "snapshots"]],
  [
    "waits",
    { questions: [{ answered_at: null }] as Detail["questions"] },
    ["budget", "cancel", "comment", "pause", "say", "snapshots", "snooze"],
  ],
  [
    "is paused",
    { task: { paused_at: at } },
    ["budget", "cancel", "comment", "resume", "say", "snapshots"],
  ],
  ["is being cancelled", { task: { cancel_requested_at: at } }, ["snapshots"]],
  [
    "has delivered",
    { task: done, subtasks: [{ state: "completed" }] as Detail["subtasks"], worktrees },
    ["accept", "comment", "discard", "restore", "snapshots", "snooze", "update"],
  ],
  [
    "has delivered a pull request",
    {
      task: { ...done, repository: "https://x/y.git", delivery_url: "https://x/y/pull/1" },
      subtasks: [{ state: "completed" }] as Detail["subtasks"],
    },
    ["comment", "discard", "rollback", "snapshots", "snooze", "update"],
  ],
  [
    "was accepted",
    { task: { ...done, decision: "accepted", accepted_at: at }, subtasks: [] },
    ["discard", "rollback", "snapshots"],
  ],
  [
    "failed",
    { task: { state: "failed" }, subtasks: [] },
    ["comment", "retry", "snapshots", "snooze"],
  ],
  ["was cancelled", { task: { state: "cancelled" }, subtasks: [], attempts: [] }, []],
])("a task that %s", (_, parts, deeds) => {
  expect(possible(parts).sort()).toEqual([...deeds, "again"].sort());
});
