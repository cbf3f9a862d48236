import { describe, expect, test } from "vitest";
import type { CheckRun, TestResults, TestState } from "../../src/core/verdict.ts";
import { compareTests } from "../../src/verifier/compare-tests.ts";
import { conclude } from "../../src/verifier/conclude.ts";
import { judgeCheck, judgeRun } from "../../src/verifier/judge-check.ts";
import { makeCheck } from "./repository.ts";

const states: Record<string, TestState> = { p: "passed", f: "failed", s: "skipped" };

/** `a:p b:f` is a list with a passed and b failed. */
function list(text: string, listed: TestResults["listed"] = "all"): TestResults {
  const pairs = text
    .split(" ")
    .filter(Boolean)
    .map((pair) => pair.split(":"));
  return {
    format: "tap",
    listed,
    tests: Object.fromEntries(
      pairs.map(([name, state]) => [name, states[state ?? ""] ?? "passed"]),
    ),
  };
}

function run(exitCode: number | null, tests: TestResults | null = null): CheckRun {
  const status = exitCode === null ? "inconclusive" : exitCode === 0 ? "green" : "red";
  return {
    commit: "c",
    startedAt: "",
    durationMs: 1,
    exitCode,
    status,
    detail: exitCode === null ? "timed out after 1 s" : `exit ${exitCode}`,
    outputTail: "",
    logPath: null,
    tests,
  };
}

describe("two lists of tests", () => {
  test.each([
    ["a:p", "a:f", { newlyFailing: ["a"] }],
    ["a:f", "a:f b:f", { newlyFailing: ["b"], stillFailing: ["a"] }],
    ["a:s", "a:f", { newlyFailing: ["a"] }],
    ["a:f", "a:p", { newlyPassing: ["a"] }],
    ["a:p b:f", "", { missing: ["a", "b"] }],
    ["a:s", "", { missing: [] }],
    ["a:p b:f", "a:s b:s", { skipped: ["a", "b"] }],
    ["g:p g_>_a:p", "g:s", { skipped: ["g_>_a"], missing: [] }],
    ["g:p g_>_a:p", "", { missing: ["g_>_a"] }],
    ["a.js_(whole_file):f", "a:p", { missing: [] }],
    ["constructor:p", "toString:p", { missing: ["constructor"], newlyFailing: [] }],
  ])("%s, then %s", (before, now, expected) => {
    const spaced = (text: string) => {
      const { tests, ...rest } = list(text);
      const entries = Object.entries(tests).map(([name, state]) => [
        name.replaceAll("_", " "),
        state,
      ]);
      return { ...rest, tests: Object.fromEntries(entries) } as TestResults;
    };
    const named = Object.fromEntries(
      Object.entries(expected).map(([key, names]) => [
        key,
        names.map((name) => name.replaceAll("_", " ")),
      ]),
    );
    expect(compareTests(spaced(before), spaced(now))).toMatchObject(named);
  });

  test("absence says nothing where a list is not whole", () => {
    expect(compareTests(list("a:p"), list("", "some"))).toMatchObject({
      missing: [],
      lostSight: true,
    });
    expect(compareTests(list("", "some"), list("a:f"))).toMatchObject({
      newlyFailing: [],
      unknownFailing: ["a"],
    });
    expect(compareTests(list("", "failures"), list("a:f", "failures"))).toMatchObject({
      newlyFailing: ["a"],
    });
  });
});

describe("one run against the baseline", () => {
  test.each([
    ["regression", run(0), run(0), "pass", "green"],
    ["regression", run(0), run(1), "pass", "green, red before"],
    ["regression", run(1), run(0), "fail", "green before, now exit 1"],
    ["regression", run(2), run(1), "pass", "red before too (exit 2)"],
    [
      "regression",
      run(1),
      null,
      "inconclusive",
      "red (exit 1), and the base was not run, so nothing can be compared",
    ],
    [
      "regression",
      run(1),
      run(null),
      "inconclusive",
      "red (exit 1), and on the base it timed out after 1 s, so nothing can be compared",
    ],
    ["regression", run(null), run(0), "inconclusive", "timed out after 1 s"],
    ["acceptance", run(1), run(1), "fail", "exit 1"],
    ["acceptance", run(0), null, "pass", "green"],
    ["acceptance", run(1, list("a:f")), run(1, list("a:f")), "fail", "exit 1: 1 test fails (a)"],
    [
      "regression",
      run(1, list("a:f")),
      run(1, list("a:f b:f")),
      "pass",
      "red before too: the same 1 test fails",
    ],
    [
      "regression",
      run(1, list("a:f b:f")),
      run(1, list("a:f b:p")),
      "fail",
      "1 test fails newly; 1 failed before too",
    ],
    [
      "regression",
      run(1, list("a:p")),
      run(1, list("a:f")),
      "inconclusive",
      "exit 1, though no test that it names fails any more",
    ],
    ["regression", run(1, list("a:p")), run(1, list("a:p")), "pass", "red before too (exit 1)"],
    [
      "regression",
      run(0, list("a:f")),
      run(0, list("a:p")),
      "fail",
      "1 test fails newly, though exit 0",
    ],
    [
      "regression",
      run(0, list("a:p", "some")),
      run(0, list("a:p")),
      "inconclusive",
      "green, but it no longer lists its tests whole, as it did on the base",
    ],
    [
      "acceptance",
      run(0),
      run(1, list("a:f")),
      "inconclusive",
      "green, but it no longer lists its tests whole, as it did on the base",
    ],
    [
      "regression",
      run(1, list("a:f")),
      run(1, list("b:f", "some")),
      "inconclusive",
      "1 test fails, and the base's list of tests stops too early to compare",
    ],
  ] as const)("%s #%#", (kind, now, baseline, result, reason) => {
    expect(judgeRun(kind, now, baseline)).toMatchObject({ result, reason });
  });

  test("two red runs fail in the tests that both name; without a common one it is flaky", () => {
    const check = makeCheck("c");
    const baseline = run(0, list("a:p b:p"));
    const both = judgeCheck(check, run(1, list("a:f b:f")), run(1, list("a:f b:p")), baseline);
    expect(both).toMatchObject({ result: "fail", newlyFailing: ["a"] });
    const none = judgeCheck(check, run(1, list("a:f b:p")), run(1, list("a:p b:f")), baseline);
    expect(none.result).toBe("inconclusive");
    const stuck = judgeCheck(check, run(1, list("a:f")), run(null), baseline);
    expect(stuck).toMatchObject({ result: "fail", newlyFailing: ["a"] });
  });
});

test("fail wins over inconclusive, which wins over pass; blind spots are said", () => {
  const result = (command: string, now: CheckRun) =>
    judgeCheck(makeCheck(command), now, null, run(0));
  const [pass, open, fail] = [result("p", run(0)), result("o", run(null)), result("f", run(1))];
  const finding = { rule: "tests_removed", blocking: false, message: "m", paths: [] } as const;
  expect(conclude([pass], [], []).result).toBe("pass");
  expect(conclude([pass], [{ ...finding, paths: [] }], []).summary).toBe(
    "1 check passes, with 1 allowed change to tests or their set-up",
  );
  expect(conclude([pass, open], [], []).summary).toBe("`o`: timed out after 1 s");
  expect(conclude([pass, open, fail], [], []).result).toBe("fail");
  expect(conclude([open], [{ ...finding, blocking: true, paths: [] }], [])).toMatchObject({
    result: "fail",
    summary: "m",
  });
  expect(conclude([pass], [], ["x"]).notChecked).toEqual([
    "x",
    "`p` does not name all its tests on both commits: a test that stopped running would not be seen.",
    "The code was not reviewed: only its behaviour under the checks was.",
  ]);
});

test("of a very long list of tests a verdict keeps what did not pass", () => {
  const names = Array.from({ length: 3_000 }, (_, index) => `t${index}:${index === 7 ? "s" : "p"}`);
  const long = run(0, list(names.join(" ")));
  const { checks } = conclude([judgeCheck(makeCheck("c"), long, null, long)], [], []);
  expect(checks[0]?.run.tests).toMatchObject({ listed: "some", tests: { t7: "skipped" } });
  expect(Object.keys(checks[0]?.baseline?.tests?.tests ?? {})).toHaveLength(1);
});

test("of very many tests that changed sides a verdict names two thousand", () => {
  const names = (state: string) => Array.from({ length: 3_000 }, (_, at) => `t${at}:${state}`);
  const red = run(1, list(names("f").join(" ")));
  const green = run(0, list(names("p").join(" ")));
  const { checks } = conclude([judgeCheck(makeCheck("c"), green, null, red)], [], []);
  expect(checks[0]?.newlyPassing).toHaveLength(2_000);
});

test("a check that is as red as the base is not called passing", () => {
  const red = judgeCheck(makeCheck("r"), run(1), null, run(1));
  const green = judgeCheck(makeCheck("g"), run(0), null, run(0));
  expect(conclude([red], [], [])).toMatchObject({
    result: "pass",
    summary: "1 check fails as on the base",
  });
  expect(conclude([green, red], [], []).summary).toBe(
    "1 check passes, 1 check fails as on the base",
  );
});
