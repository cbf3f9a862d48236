import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decideTests,
  type Look,
  type Seen,
  unseen,
} from "../../../src/triggers/watch/decide-tests.ts";

const green: Look = { result: "green" };
const unknown: Look = { result: "unknown" };
const red = (...failing: string[]): Look => ({
  ...{ result: "red", failing },
  isNamed: failing.length > 0,
});

/** What each look starts: the tests that it tells of; null: nothing. `no`: the last was declined. */
const follow = (looks: readonly (Look | "no")[]) => {
  let seen: Seen = unseen;
  let isDeclined = false;
  return looks.flatMap((look) => {
    if (look === "no") {
      isDeclined = true;
      return [];
    }
    const decided = decideTests(seen, look, isDeclined);
    seen = decided.seen;
    if (decided.event) isDeclined = false;
    return [decided.event?.failing ?? null];
  });
};

test.each([
  ["red on the first look is nobody's news", [red("a"), red("a")], [null, null]],
  ["what was green and is red is told once", [green, red("a"), red("a")], [null, ["a"], null]],
  ["also without names", [green, red(), red()], [null, [], null]],
  ["it may break again", [green, red("a"), green, red("a")], [null, ["a"], null, ["a"]]],
  ["another test breaks, too", [green, red("a"), red("a", "b")], [null, ["a"], ["b"]]],
  [
    "a test that flaps is told of once",
    [green, red("a"), red("b"), red("a")],
    [null, ["a"], ["b"], null],
  ],
  ["a broken build hides no test", [green, red("a"), red(), red("a")], [null, ["a"], null, null]],
  [
    "no is no until it was green",
    [green, red("a"), "no", red("b"), green, red("b")],
    [null, ["a"], null, null, ["b"]],
  ],
  ["what says nothing changes nothing", [green, unknown, red("a")], [null, null, ["a"]]],
  ["nor does it count as seen", [unknown, red("a")], [null, null]],
] as [string, (Look | "no")[], (string[] | null)[]][])("%s", (_, looks, events) => {
  expect(follow(looks)).toEqual(events);
});

const anyLook = fc.oneof(
  fc.constant<Look>(green),
  fc.constant<Look>(unknown),
  fc.subarray(["a", "b", "c", "d"]).map((failing) => red(...failing)),
);

test("whatever is seen: no event before a green, each test once until green, repeats are nothing", () => {
  fc.assert(
    fc.property(fc.array(anyLook, { maxLength: 40 }), (looks) => {
      const events = follow(looks);
      let told: Set<string> | null = null; // null: nothing was green yet
      let before = new Set<string>();
      for (const [index, look] of looks.entries()) {
        const event = events[index] ?? null;
        if (look.result !== "red") expect(event).toBeNull();
        if (look.result === "green") {
          told = new Set();
          before = new Set();
        }
        if (look.result !== "red") continue;
        for (const name of event ?? []) {
          expect(before.has(name)).toBe(false);
          expect(told?.has(name) ?? false).toBe(false);
          told?.add(name);
        }
        for (const name of look.failing) before.add(name);
      }
      // Each look said twice: the second time nothing starts.
      const twice = follow(looks.flatMap((look) => [look, look]));
      expect(twice.filter((_, index) => index % 2 === 1).every((event) => event === null)).toBe(
        true,
      );
      expect(twice.filter((_, index) => index % 2 === 0)).toEqual(events);
    }),
  );
});
