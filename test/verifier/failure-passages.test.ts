import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { describeCheck } from "../../src/core/proof/check-words.ts";
import type { CheckResult, CheckRun } from "../../src/core/proof/verdict.ts";
import { findFailurePassages } from "../../src/verifier/checks/failure-passages.ts";

function sample(runner: string): string {
  return readFileSync(new URL(`samples/failed-${runner}.txt`, import.meta.url), "utf8");
}

/** Real outputs: the first of about ninety tests fails, and those after it pass. */
test.each([
  ["node", "not ok 1 - adds up the lines of an order", "4 !== 3", /keeps case/],
  ["vitest", "FAIL  a.test.js > adds up", "AssertionError: expected 4 to be 3", /✓/],
  ["jest", "● adds up the lines of an order", "Received: 4", /✓/],
  ["pytest", "FAILED test_a.py::test_adds_up", "E       assert 4 == 3", /PASSED/],
  ["unittest", "FAIL: test_adds_up", "AssertionError: 4 != 3", /\.\.\. ok/],
  ["go", "--- FAIL: TestAddsUp", "a_test.go:3: total = 4, want 3", /PASS/],
  ["cargo", "tests::adds_up ... FAILED", "left: 4", /\.\.\. ok/],
  ["rspec", "1) total adds up", "got: 4", /x^/],
  ["mvn", "ATest.addsUp", "expected: <3> but was: <4>", /Running|resources/],
])("%s: what failed and why, without what passed", (runner, name, why, green) => {
  const found = findFailurePassages(sample(runner)) ?? "";
  expect(found).toContain(name);
  expect(found).toContain(why);
  expect(found).not.toMatch(green);
  expect(found.length).toBeLessThan(sample(runner).length);
});

test("phpunit's numbered failures", () => {
  const dots = Array.from(
    { length: 90 },
    (_, i) => `${".".repeat(63)}  ${63 * (i + 1)} / 5670 (  ${i}%)`,
  );
  const output = `${dots.join("\n")}\n\nThere was 1 failure:\n\n1) OrderTest::testTotal\nFailed asserting that 4 matches expected 3.\n\n/app/OrderTest.php:8\n\nFAILURES!\nTests: 5670, Assertions: 1, Failures: 1.\n`;
  const found = findFailurePassages(output);
  expect(found).toMatch(/There was 1 failure:[\s\S]*asserting that 4 matches[\s\S]*Failures: 1\.$/);
  expect(found).not.toContain("....");
});

test("a long report keeps its first failures, the gaps and the counts", () => {
  const noise = (of: number) => Array.from({ length: 300 }, (_, i) => `log line ${of}.${i}`);
  const lines = [1, 2, 3].flatMap((n) => [`FAIL: test_${n}`, `why ${n}`, ...noise(n)]);
  const found = findFailurePassages([...lines, "Ran 3 tests", "FAILED (failures=3)"].join("\n"));
  expect(found).toMatch(/^FAIL: test_1\nwhy 1\n/);
  for (const n of [2, 3]) expect(found).toContain(`FAIL: test_${n}\nwhy ${n}`);
  expect(found).toContain("lines left out");
  expect(found).toMatch(/Ran 3 tests\nFAILED \(failures=3\)$/);
  expect(found?.length).toBeLessThan(6_500);
});

test.each(["", "all is well\n", "✓ handles an error\nok 1 - fails well\n"])(
  "no passages where none tells of a failure: %j",
  (output) => expect(findFailurePassages(output)).toBeNull(),
);

test("a check in words: its failing tests first, its exit code once, and no empty block", () => {
  const run = { detail: "exit 1", outputTail: "", tests: null } as unknown as CheckRun;
  const told = (more: Partial<CheckRun>, reason = "exit 1") =>
    describeCheck({
      ...{ check: { command: "npm test" }, reason, newlyFailing: [] },
      run: { ...run, ...more },
    } as unknown as CheckResult);
  expect(told({})).toBe("The check `npm test` did not pass (exit 1).\nIt printed nothing.");
  expect(told({ outputTail: "tail" }, "1 test newly fails")).toBe(
    "The check `npm test` did not pass (1 test newly fails; exit 1).\nIts output ended with:\n\ntail",
  );
  const tests = { a: "failed", b: "passed" } as const;
  expect(
    told({ outputTail: "ok", failures: "why", tests: { format: "tap", listed: "all", tests } }),
  ).toBe(
    "The check `npm test` did not pass (exit 1).\nFailing tests:\n- a\nIts output, without what passed:\n\nwhy",
  );
});
