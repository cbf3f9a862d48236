import { expect, test } from "vitest";
import {
  applyMoved,
  type Draft,
  dropEmpty,
  earlierDrafts,
  keepDrafts,
  openDraft,
  readDrafts,
  sendable,
} from "../../web/src/views/task/diff/drafts.ts";

/** Comments that are not sent yet: none is lost, by a reload or by a tree that moves. */

const place = { path: "a.ts", side: "new" as const, line: 3, end_line: 5 };
const draft = (id: number, rest: Partial<Draft> = {}): Draft => ({
  ...{ ...place, id, text: `text ${id}`, tree: "t1", editing: false, lost: false },
  ...rest,
});

test("a form that is open and empty moves to another line; one with words stays", () => {
  const first = openDraft([], place, "t1");
  const moved = openDraft(first, { ...place, line: 9, end_line: 9 }, "t1");
  expect(moved.map(({ line, editing }) => [line, editing])).toEqual([[9, true]]);
  const words = moved.map((one) => ({ ...one, text: "words" }));
  expect(openDraft(words, place, "t1")).toHaveLength(2);
});

test("where the tree has moved drafts follow their lines, or stay without a place", () => {
  const drafts = [draft(1), draft(2, { editing: true }), draft(3)];
  const after = applyMoved(drafts, [1, 2], [{ line: 7, end_line: 9 }, null], "t2");
  expect(after).toEqual([
    draft(1, { tree: "t2", line: 7, end_line: 9 }),
    draft(2, { tree: "t2", lost: true }),
    draft(3),
  ]);
  expect(sendable(after, "t2").map(({ id }) => id)).toEqual([1]);
});

test("lines are looked for only where what stands now is shown, and only of what has words", () => {
  const empty = draft(3, { text: " ", editing: true });
  const drafts = [
    draft(1),
    draft(2, { tree: "t2", editing: true }),
    empty,
    draft(4, { lost: true }),
  ];
  const ids = (shown: string, now: string | null) =>
    [...earlierDrafts(drafts, shown, now)].map(([tree, of]) => [tree, of.map(({ id }) => id)]);
  expect(ids("t3", "t3")).toEqual([
    ["t1", [1]],
    ["t2", [2]],
  ]);
  expect(ids("t2", "t2")).toEqual([["t1", [1]]]); // never those that are on it
  expect(ids("t1", "t2")).toEqual([]); // an attempt's, or one that has moved
  expect(ids("t3", null)).toEqual([]);
  expect(dropEmpty(drafts, "t1")).toEqual(drafts);
  expect(dropEmpty(drafts, "t2").map(({ id }) => id)).toEqual([1, 2, 4]);
});

test("they survive a reload, and what is no draft is left out", () => {
  const kept = new Map<string, string>();
  // As much of the browser's storage as is used.
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as unknown as Storage;
  keepDrafts("task_1", [draft(1)], storage);
  expect(readDrafts("task_1", storage)).toEqual([draft(1)]);
  expect(readDrafts("task_2", storage)).toEqual([]);
  keepDrafts("task_1", [], storage);
  expect(kept.size).toBe(0);
  for (const bad of ["{", "7", '[1,{"id":"x"}]', JSON.stringify([{ ...draft(1), side: "up" }])]) {
    kept.set("deputy.drafts.task_1", bad);
    expect(readDrafts("task_1", storage)).toEqual([]);
  }
});
