import { expect, test } from "vitest";
import type { CheckRun, TestResults } from "../../src/core/proof/verdict.ts";
import {
  type CanaryAnswer,
  discountPrinted,
  judgeCanary,
  weighCanary,
} from "../../src/verifier/experiments/try-canaries.ts";

const names = ["test_abc_a", "test_abc_b"];

function run(status: CheckRun["status"], tests: TestResults["tests"] | null, outputTail = "") {
  return {
    ...{ commit: "c", startedAt: "", durationMs: 1, exitCode: status === "green" ? 0 : 1, status },
    ...{ detail: "exit", outputTail, logPath: null },
    tests: tests && { format: "pytest", listed: "all" as const, tests },
  };
}
const judge = (...about: Parameters<typeof run>): CanaryAnswer => ({
  ...judgeCanary(run(...about), names, "abc"),
  ...{ tree: "t", durationMs: 1 },
});
const both = judge("red", { "t.py::test_abc_a": "failed", "t.py::test_abc_b": "failed" });
const one = judge("red", { "t.py::test_abc_a": "failed" });
const none = judge("green", { "t.py::test_abc_a": "passed" });

test("a canary bites where the check is red and names all of it", () => {
  expect(both).toMatchObject({ bites: true, heard: ["test_*_a", "test_*_b"], silent: [] });
  expect(one).toMatchObject({ bites: false, heard: ["test_*_a"], silent: ["test_*_b"] });
  expect(none).toMatchObject({ bites: false, heard: [] });
  expect(judge("red", null, "FAIL test_abc_a test_abc_b").bites).toBe(true);
  expect(judge("inconclusive", null).bites).toBeNull();
});

test("what does not compile has run nothing, whatever it prints", () => {
  const broken = judge("red", { "t.py (whole file)": "failed" }, "error in test_abc_a test_abc_b");
  expect(broken).toMatchObject({ bites: false, heard: [] });
});

test("what the base does not name either asks nothing of the change", () => {
  expect(weighCanary(one, one)).toMatchObject({ bites: true, isSilenced: false });
  expect(weighCanary(one, both)).toMatchObject({ bites: false, isSilenced: true });
  expect(weighCanary(none, one)).toMatchObject({ bites: false, isSilenced: true });
  expect(weighCanary(none, none)).toMatchObject({ bites: false, isSilenced: false });
  expect(weighCanary(both, undefined)).toMatchObject({ bites: true, isSilenced: false });
});

test("a script that is red anyway, and comes to the statement, says nothing by printing it", () => {
  const silent: CanaryAnswer = { ...none, heard: [], silent: ["*"] };
  const about = run("red", null, "Error: abc");
  const printed = { ...judgeCanary(about, ["abc"], "abc"), tree: "t", durationMs: 1 };
  expect(printed).toMatchObject({ bites: true, heard: ["*"], printed: ["*"] });
  expect(discountPrinted(printed, run("green", null))).toBe(printed);
  const told = discountPrinted(printed, run("red", null));
  expect(told).toMatchObject({ bites: null, heard: [], silent: ["*"] });
  expect(weighCanary(silent, printed)).toMatchObject({ isSilenced: true });
  expect(weighCanary(silent, told)).toMatchObject({ bites: false, isSilenced: false });
  // A test's name is printed because it failed.
  expect(discountPrinted(judge("red", null, "FAIL test_abc_a test_abc_b"), about).bites).toBe(true);
});
