import { expect, test } from "vitest";
import { denies, namesPath, quoteThatAsks } from "../../src/core/task/goal-asks.ts";

/** A file that a goal names is not yet a file that it asks to change. */
const path = "test/total.test.js";
const asks = (text: string, others: readonly string[] = [path]) =>
  quoteThatAsks(text, path, others);

test.each([
  "Update test/total.test.js.",
  "Rename total to sum, and update `test/total.test.js` accordingly.",
  "Please adapt total.test.js to the new rounding",
  "Fix rounding in src/total.js. Then rewrite the expectations in test/total.test.js (half up).",
  "- Remove the dead test in test/total.test.js",
  "Update src/total.js and test/total.test.js.",
  "Move ./test/total.test.js to spec/total.test.js",
  "Update test/total.test.js. Do not change anything else.",
])("asked for: %s", (text) => {
  expect(asks(text)).not.toBeNull();
});

test.each([
  "Make test/total.test.js pass.",
  "Make addMonths respect the length of the month; see test/total.test.js",
  "Update src/total.js so that test/total.test.js passes.",
  "Change src/total.js until `node --test test/total.test.js` is green",
  "Update src/total.js as test/total.test.js says",
  "Fix the code that test/total.test.js tests",
  "Do not change test/total.test.js.",
  "Update src/total.js. test/total.test.js must stay unchanged.",
  "Update test/total.test.js so that it passes",
  "Update the totals. Never touch the tests.",
  "Update test/total.test.js? No, don't edit tests at all.",
  "Rewrite src/total.js without changing test/total.test.js",
  "Update mytest/total.test.js",
  "Update test/total.test.jsx",
  "Repair total",
  "",
])("not asked for: %s", (text) => {
  expect(asks(text)).toBeNull();
});

test("a name that two files of the change have names neither", () => {
  expect(asks("Update total.test.js", [path, "other/total.test.js"])).toBeNull();
  expect(asks("Update test/total.test.js", [path, "other/total.test.js"])).not.toBeNull();
});

test("names without a dot count where they are plain", () => {
  expect(quoteThatAsks("Add a target to the Makefile", "Makefile", [])).not.toBeNull();
  expect(quoteThatAsks("Add a target to the Makefile", "sub/Makefile", [])).not.toBeNull();
  expect(quoteThatAsks("Add tests", "test/tests", [])).toBeNull();
});

test("quotes: what they name, and whether they deny", () => {
  expect(namesPath("the snapshot in (test/total.test.js)", path, [path])).toBe(true);
  expect(namesPath("the snapshot", path, [path])).toBe(false);
  expect(denies("don’t touch it")).toBe(true);
  expect(denies("update the snapshot")).toBe(false);
});

test("no text takes long", () => {
  for (const text of ["(".repeat(64_000), `${")".repeat(32_000)}x `.repeat(2), "re".repeat(32_000)])
    expect(asks(text)).toBeNull();
});
