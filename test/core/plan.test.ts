import { expect, test } from "vitest";
import { buildsOn } from "../../src/core/task/plan.ts";

/** Who depends on whom in a plan. */
test("a plan in which everything depends on all before it is looked through at once", () => {
  const keys = Array.from({ length: 200 }, (_, at) => `part-${at}`);
  const plan = keys.map((key, at) => ({ key, dependsOn: keys.slice(0, at) }));
  const alone = { key: "alone", dependsOn: [] };
  const [first, last] = [plan[0] ?? alone, plan.at(-1) ?? alone];
  const all = [...plan, alone];
  expect(buildsOn(last, first, all)).toBe(true);
  expect(buildsOn(first, last, all)).toBe(false);
  expect(buildsOn(last, alone, all)).toBe(false);
});

test("a dependency is reached by others", () => {
  const [a, b, c] = [
    { key: "a", dependsOn: [] },
    { key: "b", dependsOn: ["a"] },
    { key: "c", dependsOn: ["b"] },
  ] as const;
  expect(buildsOn(c, a, [a, b, c])).toBe(true);
  expect(buildsOn(a, c, [a, b, c])).toBe(false);
});
