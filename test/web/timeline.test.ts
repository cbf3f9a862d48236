import { expect, test } from "vitest";
import type { EventView } from "../../src/api/event.ts";
import { layOutTimeline } from "../../web/src/views/task/story/lay-out-timeline.ts";
import { makeScale, mergeSpans } from "../../web/src/views/task/story/time-scale.ts";
import type { Attempt, Detail, Subtask } from "../../web/src/views/task/types.ts";

/** The timeline of a task: where its bars are, and what they say. */

const start = Date.parse("2026-01-01T00:00:00Z");
const minute = 60_000;
const at = (minutes: number) => new Date(start + minutes * minute).toISOString();

const subtask = (id: string, rest: Partial<Subtask> = {}) =>
  ({ id, key: id, title: id, state: "running", gate_verdict: null, ...rest }) as Subtask;
const attempt = (number: number, from: number, to: number | null, rest: Partial<Attempt> = {}) =>
  ({
    ...{ id: `a${number}`, subtask_id: "one", number, agent: "codex", started_at: at(from) },
    ...{ ended_at: to === null ? null : at(to), end_reason: to === null ? null : "done" },
    ...{ detail: null, verdict: null, decision: null },
    ...rest,
  }) as Attempt;
const detailOf = (rest: Partial<Detail>) =>
  ({
    ...{ task: { id: "task_1", state: "running", ended_at: null }, questions: [], attempts: [] },
    ...{ subtasks: [subtask("one")] },
    ...rest,
  }) as unknown as Detail;
const event = (type: string, minutes: number, subtask_id: string | null = null): EventView => ({
  ...{ seq: minutes, id: `evt_${minutes}`, task_id: "task_1", subtask_id, attempt_id: null },
  ...{ type, message: type, label: null, tone: null, data: {}, at: at(minutes) },
});

test("bars are in proportion to time, on one scale for all subtasks", () => {
  const { lanes } = layOutTimeline(
    detailOf({
      subtasks: [subtask("one"), subtask("two")],
      attempts: [attempt(1, 0, 10), attempt(1, 10, 20, { subtask_id: "two", id: "b1" })],
    }),
    [],
    start + 20 * minute,
    1_000,
  );
  expect(lanes.map(({ bars }) => bars.map(({ x, width }) => [x, width]))).toEqual([
    [[0, 500]],
    [[500, 500]],
  ]);
});

test("a night in which nothing happened is broken out of the scale", () => {
  const { scale, lanes } = layOutTimeline(
    detailOf({ attempts: [attempt(1, 0, 10), attempt(2, 600, 610)] }),
    [],
    start + 610 * minute,
    1_000,
  );
  expect(scale.breaks).toHaveLength(1);
  expect(scale.breaks[0]?.ms).toBe(590 * minute);
  const [first, second] = lanes[0]?.bars ?? [];
  expect(first?.width).toBeCloseTo(480);
  expect(second?.x).toBeCloseTo(520);
  expect(second?.width).toBeCloseTo(480);
});

test("an attempt links to its log, and says how it ended and what recovery decided", () => {
  const decision = { action: "retry", kind: "checks_failed", reason: "one check is red" };
  const { lanes } = layOutTimeline(
    detailOf({
      attempts: [
        attempt(1, 0, 5, { end_reason: "crashed", detail: "exit 3", decision } as Partial<Attempt>),
        attempt(2, 5, null),
      ],
    }),
    [],
    start + 8 * minute,
  );
  const bars = lanes[0]?.bars ?? [];
  expect(bars[0]).toMatchObject({
    ...{ row: "attempts", tone: "bad", label: "Attempt 1 with codex: crashed, exit 3" },
    href: "/tasks/task_1/log?subtask=one&attempt=1",
  });
  expect(bars[1]).toMatchObject({ row: "recovery", tone: "ask" });
  expect(bars[1]?.label).toContain("one check is red");
  expect(bars[2]).toMatchObject({ tone: "run", label: "Attempt 2 with codex: running" });
  expect(lanes[0]?.rows).toEqual(["attempts", "recovery"]);
});

test("checks, questions, a merge and the delivery have rows of their own", () => {
  const run = { started_at: at(5), duration_ms: minute };
  const check = { check: { name: "npm test" }, run, result: "fail", reason: "1 test newly fails" };
  const verdict = { checks: [check] } as unknown as Attempt["verdict"];
  const asked = {
    ...{ subtask_id: "one", kind: "question", text: "Which?", asked_at: at(6) },
    ...{ answered_at: at(7), answer: "The second" },
  } as Detail["questions"][number];
  const { lanes } = layOutTimeline(
    detailOf({ attempts: [attempt(1, 0, 5, { verdict })], questions: [asked] }),
    [
      event("task.planning", 0),
      event("task.planned", 0),
      event("subtask.integrating", 8, "one"),
      event("check.finished", 8.5, "one"),
      event("subtask.completed", 9, "one"),
      event("task.delivering", 9),
      event("task.completed", 10),
    ],
    start + 10 * minute,
  );
  expect(lanes[0]?.rows).toEqual(["attempts", "checks", "questions", "merge"]);
  expect(lanes[0]?.bars.map(({ tone }) => tone)).toEqual(["good", "bad", "off", "good"]);
  expect(lanes[1]).toMatchObject({ title: "The whole task", rows: ["planning", "delivery"] });
});

test("a bar is wide enough to hit, and within the picture", () => {
  const { lanes } = layOutTimeline(
    detailOf({ attempts: [attempt(1, 0, 1_000), attempt(2, 1_000, 1_000)] }),
    [],
    start + 1_000 * minute,
    1_000,
  );
  const last = lanes[0]?.bars[1];
  expect(last?.width).toBe(6);
  expect((last?.x ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual(1_000);
});

test("a scale of nothing, and spans that overlap", () => {
  expect(makeScale([], 100).at(5)).toBe(0);
  expect(
    mergeSpans([
      { from: 5, to: 6 },
      { from: 0, to: 2 },
      { from: 1, to: 5 },
    ]),
  ).toEqual([{ from: 0, to: 6 }]);
});
