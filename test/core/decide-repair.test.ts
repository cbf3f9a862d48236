import { expect, test } from "vitest";
import { type Repair, whyNoRepair } from "../../src/core/forge/decide-repair.ts";

const repair = (key: string, signature = key, startsOver = false): Repair => ({
  ...{ key, signature, startsOver, decision: "repair" },
});
const [a, b, c, d] = ["a", "b", "c", "d"].map((key) => repair(key)) as [
  Repair,
  Repair,
  Repair,
  Repair,
];

test.each<[string, Repair, Repair[], string | null]>([
  ["the first is worked on", a, [], null],
  ["so are three that differ", c, [a, b], null],
  ["the same one again is no further one", c, [a, b, c], null],
  ["the fourth is not", d, [a, b, c], "it failed after 3 repairs"],
  [
    "one that came back is not",
    repair("b", "a"),
    [a],
    "it failed in the same way as before the last repair",
  ],
  ["a person's commit starts over", repair("d", "a", true), [a, b, c], null],
  [
    "and what was before it does not count",
    repair("e", "a"),
    [a, b, c, repair("d", "d", true)],
    null,
  ],
  [
    "but what was since does",
    repair("g", "g"),
    [a, repair("d", "d", true), b, c],
    "it failed after 3 repairs",
  ],
  [
    "a hand in each of them does not make it endless",
    repair("z", "z", true),
    Array.from({ length: 10 }, (_, index) => repair(`${index}`, `${index}`, true)),
    "it failed after 10 repairs in all",
  ],
])("%s", (_, now, earlier, why) => {
  expect(whyNoRepair(now, earlier, "it failed")).toBe(why);
});
