import { expect, test } from "vitest";
import { readSummary } from "../../src/verifier/tests/read-summary.ts";

test.each([
  ["jest", "Tests:       1 failed, 2 skipped, 3 passed, 6 total", 4, 1],
  ["vitest", "\u001b[2m      Tests \u001b[22m \u001b[31m1 failed\u001b[39m | 9 passed (10)", 10, 1],
  ["mocha", "  9 passing (12ms)\n  1 pending\n  2 failing\n", 11, 2],
  ["node:test", "ℹ tests 5\nℹ suites 0\nℹ pass 4\nℹ fail 1\n", 5, 1],
  ["TAP of node:test", "# tests 5\n# pass 5\n# fail 0", 5, 0],
  ["pytest", "==== 1 failed, 13 passed, 2 errors in 1.20s ====", 16, 3],
  ["pytest -q", "13 passed, 4 subtests passed in 0.10s", 13, 0],
  ["unittest", "Ran 5 tests in 0.001s\n\nFAILED (failures=1, errors=2)", 5, 3],
  [
    "cargo",
    "test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: FAILED. 1 passed; 2 failed; 0 ignored",
    6,
    2,
  ],
  ["rspec", "5 examples, 1 failure, 1 pending", 5, 1],
  ["minitest", "5 runs, 9 assertions, 1 failures, 1 errors, 0 skips", 5, 2],
  ["ctest", "90% tests passed, 1 tests failed out of 10", 10, 1],
  ["maven", "Tests run: 5, Failures: 1, Errors: 1, Skipped: 1", 4, 2],
])("%s", (_, output, ran, failed) => {
  expect(readSummary(`noise\n${output}\nmore`)).toEqual({ ran, failed });
});

test("what is no summary gives none", () => {
  for (const text of ["", "all tests passed", "Tests are run", "x".repeat(100_000)])
    expect(readSummary(text)).toBeNull();
});
