import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SubtaskState } from "../../src/core/task/lifecycle.ts";
import {
  type SchedulableSubtask,
  schedule,
  writesOverlap,
} from "../../src/orchestrator/transitions/schedule.ts";

const subtask = (
  key: string,
  state: SubtaskState,
  dependsOn: string[] = [],
  writes: string[] = [],
  more: Partial<SchedulableSubtask> = {},
): SchedulableSubtask => ({
  id: `sub_${key}`,
  key,
  state,
  dependsOn,
  writes,
  hold: null,
  ending: null,
  ...more,
});

const started = (subtasks: SchedulableSubtask[]) =>
  schedule(subtasks).flatMap((decision) => (decision.start ? [decision.id] : []));

test("what depends on nothing starts; the rest waits, and says for what", () => {
  const plan = [subtask("a", "blocked"), subtask("b", "blocked", ["a"]), subtask("c", "blocked")];
  expect(started(plan)).toEqual(["sub_a", "sub_c"]);
  expect(schedule(plan)[1]).toEqual({
    id: "sub_b",
    start: false,
    hold: { kind: "dependency", on: ["sub_a"], reason: '"a" must finish first' },
  });
});

test("a diamond: the middle two start together, the last after both", () => {
  const diamond = (left: SubtaskState, right: SubtaskState) => [
    subtask("top", "completed"),
    subtask("left", left, ["top"]),
    subtask("right", right, ["top"]),
    subtask("bottom", "blocked", ["left", "right"]),
  ];
  expect(started(diamond("blocked", "blocked"))).toEqual(["sub_left", "sub_right"]);
  expect(started(diamond("completed", "running"))).toEqual([]);
  expect(started(diamond("completed", "completed"))).toEqual(["sub_bottom"]);
});

test("a failed dependency is named, and what does not need it goes on", () => {
  const decisions = schedule([
    subtask("a", "failed"),
    subtask("b", "blocked", ["a"]),
    subtask("c", "blocked"),
  ]);
  expect(decisions[0]).toMatchObject({
    start: false,
    hold: { on: ["sub_a"], reason: '"a" did not finish' },
  });
  expect(decisions[1]).toMatchObject({ id: "sub_c", start: true });
});

describe("one that lost a merge", () => {
  const lost = (files: string[]) => ({
    ending: { what: "conflict" as const, files, detail: "" },
  });
  const loser = subtask("loser", "blocked", [], [], lost(["shared.txt"]));
  test.each<[string, Partial<SchedulableSubtask> & { state: SubtaskState }, boolean]>([
    ["one that runs and may write anything", { state: "running" }, false],
    ["one that is about to be merged", { state: "integrating" }, false],
    ["one that runs and writes that file", { state: "running", writes: ["*.txt"] }, false],
    ["one that runs and writes others", { state: "running", writes: ["src/**"] }, true],
    ["another that lost one over it", { state: "ready", ...lost(["shared.txt"]) }, false],
    ["another that lost one over others", { state: "ready", ...lost(["src/a.ts"]) }, true],
    ["one that waits for a person", { state: "waiting" }, true],
    [
      "one that waits for a provider",
      { state: "ready", hold: { kind: "wake", at: new Date(), reason: "" } },
      true,
    ],
    ["one that is done", { state: "completed" }, true],
  ])("beside %s", (_, other, starts) => {
    const beside = { ...subtask("other", "ready"), ...other };
    expect(started([loser, beside])).toEqual(starts ? ["sub_loser"] : []);
  });

  test("keeps one waiting that may write anything, and is not kept waiting by it", () => {
    const running = { ...loser, state: "running" as const };
    expect(schedule([running, subtask("any", "blocked")])).toEqual([
      {
        id: "sub_any",
        start: false,
        hold: {
          kind: "dependency",
          on: ["sub_loser"],
          reason: '"loser" may change the same files and goes first',
        },
      },
    ]);
    expect(started([running, subtask("docs", "blocked", [], ["docs/**"])])).toEqual(["sub_docs"]);
  });

  test("of several one runs at a time; after a red merge beside nobody", () => {
    const losers = ["b", "c", "d"].map((key) => ({ ...loser, id: `sub_${key}`, key }));
    expect(started(losers)).toEqual(["sub_b"]);
    const red = { ...loser, ending: { what: "verdict" as const, stage: "integrate" as const } };
    expect(started([red, subtask("docs", "running", [], ["docs/**"])])).toEqual([]);
  });
});

test.each([
  [["src/a.ts"], ["src/a.ts"], true],
  [["src/a.ts"], ["src/b.ts"], false],
  [["src/**"], ["src/a/b.ts"], true],
  [["src/**"], ["docs/**"], false],
  [["src"], ["src/a.ts"], true],
  [["src/*.ts"], ["src/**/*.md"], true],
  [["**/*.md"], ["docs/a.md"], true],
  [["docs/a.txt"], ["**/*.md"], false],
  [[], ["src/**"], false],
])("writes %j and %j overlap: %s", (left, right, expected) => {
  expect(writesOverlap(left, right)).toBe(expected);
  expect(writesOverlap(right, left)).toBe(expected);
});

test("two subtasks that write the same files never run at once, whatever the plan", () => {
  const files = fc.constantFrom("a", "b", "c", "d/**", "d/e");
  const plan = fc.array(
    fc.record({
      state: fc.constantFrom<SubtaskState>(
        "blocked",
        "ready",
        "running",
        "verifying",
        "completed",
        "failed",
      ),
      writes: fc.array(files, { maxLength: 2 }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(plan, (rows) => {
      const subtasks = rows.map(({ state, writes }, i) => subtask(`s${i}`, state, [], writes));
      const starts = new Set(started(subtasks));
      const active = subtasks.filter(
        ({ id, state }) => starts.has(id) || ["ready", "running", "verifying"].includes(state),
      );
      for (const one of active.filter(({ id }) => starts.has(id))) {
        for (const other of active) {
          if (one.id !== other.id) expect(writesOverlap(one.writes, other.writes)).toBe(false);
        }
      }
    }),
  );
});
