import { describe, expect, test } from "vitest";
import type { CheckRun, TestResults, TestState } from "../../src/core/proof/verdict.ts";
import { findFlips, judgeWithRepetition } from "../../src/verifier/checks/flaky.ts";
import { makeCheck } from "./repository.ts";

const letters: Record<string, TestState> = { p: "passed", f: "failed" };

/** `a:p b:f` names its tests; without any it is by exit code. */
function run(text: string, exitCode = text.includes(":f") ? 1 : 0): CheckRun {
  const pairs = text.split(" ").map((pair) => pair.split(":"));
  const tests: TestResults = {
    format: "tap",
    listed: "all",
    tests: Object.fromEntries(
      pairs.map(([name, state]) => [name, letters[state ?? ""] ?? "passed"]),
    ),
  };
  return {
    ...{ commit: "c", startedAt: "", durationMs: 1, exitCode, outputTail: "", logPath: null },
    status: exitCode === 0 ? "green" : "red",
    detail: `exit ${exitCode}`,
    tests: text === "" ? null : tests,
  };
}

function judge(now: string[], base: string, repeats: string[], more = {}) {
  const left = repeats.map((text) => run(text));
  const [first, second] = now.map((text) => run(text));
  if (!first) throw new Error("no run");
  return judgeWithRepetition({
    check: makeCheck("npm test"),
    run: first,
    rerun: second ?? null,
    baseline: run(base),
    baseTree: "b",
    repeatOnBase: async () => left.shift() ?? expect.fail("asked once too often"),
    ...more,
  });
}

describe("flaky is shown by repetition on the base", () => {
  test("a test that flips there is quarantined, and its failure is not counted", async () => {
    const { experiment, flipped, result } = await judge(["a:p x:f", "a:p x:p"], "a:p x:p", [
      "a:p x:p",
      "a:p x:f",
    ]);
    expect(flipped).toEqual(["x"]);
    expect(result).toMatchObject({ result: "pass", flaky: ["x"] });
    expect(experiment).toMatchObject({
      kind: "repetition",
      result: "shown",
      says: "in 3 runs on the base x both passed and failed",
    });
  });

  test("one that is steady there is the change's, and three repetitions are enough", async () => {
    const steady = ["a:p x:p", "a:p x:p", "a:p x:p"];
    const { experiment, flipped, result } = await judge(["a:p x:f", "a:p x:p"], "a:p x:p", steady);
    expect(flipped).toEqual([]);
    expect(experiment?.result).toBe("open");
    expect(result).toMatchObject({
      result: "inconclusive",
      reason:
        "flaky: exit 1, then exit 0 on the same commit (x); x did not flip in 4 runs on the base",
    });
  });

  test("where both runs fail alike, pass, or differ in a new test, the base is not asked", async () => {
    expect((await judge(["a:f", "a:f"], "a:p", [])).result.result).toBe("fail");
    expect((await judge(["a:p"], "a:p", [])).result.result).toBe("pass");
    const fresh = await judge(["a:p new:f", "a:p new:p"], "a:p", []);
    expect(fresh.result.result).toBe("inconclusive");
    expect(fresh.experiment).toBeNull();
  });

  test("a flaky test beside a broken one does not hide it", async () => {
    const { flipped, result } = await judge(["a:f x:f", "a:f x:p"], "a:p x:p", ["a:p x:f"]);
    expect(flipped).toEqual(["x"]);
    expect(result).toMatchObject({ result: "fail", newlyFailing: ["a"] });
  });

  test("without names the whole check flips, on the base too: nothing is known", async () => {
    const base = { ...run(""), exitCode: 0 };
    const red = { ...run("", 1), tests: null };
    const { flipped, result } = await judgeWithRepetition({
      check: makeCheck("npm test"),
      run: red,
      rerun: base,
      baseline: base,
      baseTree: "b",
      repeatOnBase: async () => red,
    });
    expect(flipped).toEqual([]);
    expect(result).toMatchObject({
      result: "inconclusive",
      reason:
        "flaky: exit 1, then exit 0 on the same commit; 2 runs on the base were both green and red",
    });
  });

  test("who is in quarantine is not counted without a run; under its new name neither", async () => {
    const quarantined = new Set(["x"]);
    const known = await judge(["a:p x:f", "a:p x:f"], "a:p x:p", [], { quarantined });
    expect(known.result).toMatchObject({ result: "pass", flaky: ["x"] });
    const renames = [{ from: ["x"], to: ["y"] }];
    const renamed = await judge(["a:p y:f", "a:p y:f"], "a:p x:p", [], { quarantined, renames });
    expect(renamed.result).toMatchObject({ result: "pass", flaky: ["y"] });
  });

  test("flips are passes and failures of one name", () => {
    expect(findFlips([run("a:p b:p"), run("a:f b:p"), run("c:f")])).toEqual(["a"]);
  });
});
