import { describe, expect, test } from "vitest";
import type { CheckRun, TestResults, TestState } from "../../src/core/proof/verdict.ts";
import { conclude } from "../../src/verifier/checks/conclude.ts";
import { judgeCheck, judgeRun } from "../../src/verifier/checks/judge-check.ts";
import { compareTests } from "../../src/verifier/tests/compare-tests.ts";
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
    ["regression", run(2), run(2), "pass", "red before too (exit 2)"],
    [
      "regression",
      run(2),
      run(1),
      "inconclusive",
      "red before (exit 1), and red in another way now (exit 2), and it names no test to compare",
    ],
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
    [
      "regression",
      run(1, list("a:p")),
      run(1, list("a:p")),
      "pass",
      "red before too (exit 1), though every test that it names passes: something else in it fails",
    ],
    [
      "regression",
      run(1),
      run(1, list("a:f")),
      "fail",
      "red before, and now it names no test any more (exit 1)",
    ],
    [
      "regression",
      run(1, list("a:f", "some")),
      run(1, list("a:f b:p")),
      "fail",
      "red before, and now it no longer lists its tests whole (exit 1)",
    ],
    [
      "acceptance",
      run(0, list("a:f")),
      run(1, list("a:f")),
      "inconclusive",
      "exit 0, though 1 test fails by its own list (a): one of the two is not to be believed",
    ],
    [
      "acceptance",
      run(0, list("a:f")),
      run(0, list("a:p")),
      "fail",
      "1 test fails newly, though exit 0",
    ],
    [
      "acceptance",
      run(1, list("a:p")),
      run(1, list("a:f")),
      "fail",
      "exit 1, though every test that it names passes: something else in it fails",
    ],
    ["acceptance", run(0, list("")), run(1), "inconclusive", "green, but no test ran"],
    [
      "regression",
      run(0, list("a:s")),
      run(0, list("a:p b:p")),
      "fail",
      "green, but no test ran, and 2 tests ran on the base",
    ],
    [
      "regression",
      run(0, list("")),
      run(0, list("")),
      "pass",
      "green, though no test ran, as on the base",
    ],
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

  const whole = "test/a.js (whole file)";
  const unloaded = (output: string, tests: Record<string, TestState> = { [whole]: "failed" }) => ({
    ...run(1, { format: "tap", listed: "all" as const, tests }),
    outputTail: output,
  });

  test("a file that loads on neither commit proves nothing, and what is missing is said", () => {
    const now = unloaded("Error: Cannot find module 'left-pad'\n  at x");
    const reason =
      "no test ran (exit 1): test/a.js cannot be loaded, nor on the base; something that it needs is missing: \"Error: Cannot find module 'left-pad'\"";
    expect(judgeRun("regression", now, now)).toMatchObject({ result: "inconclusive", reason });
    expect(judgeRun("acceptance", now, now)).toMatchObject({
      result: "inconclusive",
      reason: expect.stringContaining("no test ran, and none did on the base"),
    });
    const env = unloaded("Error: ENOENT: no such file or directory, open '.env'");
    expect(judgeRun("regression", env, env).reason).toContain("open '.env'");
    // Two runs happen in two worktrees.
    const at = (letter: string) =>
      unloaded(
        `Error: Cannot find package 'left-pad' imported from /w/check-${letter.repeat(8)}-1111-1111-1111-111111111111/a.js`,
      );
    expect(judgeRun("acceptance", at("a"), at("b")).reason).toContain(
      "\"Error: Cannot find package 'left-pad' imported from a.js\"",
    );
    // What the change itself has to bring is the change's fault.
    const own = unloaded("Error: Cannot find module '../src/new.js'");
    expect(judgeRun("acceptance", own, own).result).toBe("fail");
    const beside = unloaded("", { [whole]: "failed", b: "passed" });
    expect(judgeRun("regression", beside, beside)).toMatchObject({
      result: "pass",
      reason: "red before too: test/a.js cannot be loaded, nor on the base",
    });
    const { notChecked, result } = conclude(
      [judgeCheck(makeCheck("c"), beside, null, beside)],
      [],
      [],
    );
    expect(result).toBe("pass");
    expect(notChecked[0]).toBe(
      "`c`: test/a.js could not be loaded, on the base neither: what is in it was not checked.",
    );
  });

  test("a crash and a build that does not compile are never red before too", () => {
    const crash = { ...run(139), detail: "crashed: SIGSEGV (exit 139)" };
    expect(judgeRun("regression", crash, run(1))).toMatchObject({
      result: "fail",
      reason: "red before, and now it crashes (crashed: SIGSEGV (exit 139))",
    });
    expect(judgeRun("regression", crash, crash).result).toBe("inconclusive");
    const inside = { ...run(2), outputTail: "make: *** [Makefile:2: test] Error 139" };
    expect(judgeRun("regression", inside, run(2)).result).toBe("fail");
    const build = {
      ...run(101),
      outputTail: "error: could not compile `app` (lib) due to 1 error",
    };
    expect(judgeRun("regression", build, run(101))).toMatchObject({
      result: "fail",
      reason:
        'red before, and now it does not compile: "error: could not compile `app` (lib) due to 1 error" (exit 101)',
    });
  });

  test("fewer tests by its own count, or more failures, are never red before too", () => {
    const counted = (output: string) => ({ ...run(1), outputTail: output });
    const before = counted("Tests:       1 failed, 9 passed, 10 total");
    expect(
      judgeRun("regression", counted("Tests:  1 failed, 5 passed, 6 total"), before),
    ).toMatchObject({
      result: "fail",
      reason: "red before too, but 6 tests ran, and 10 on the base",
    });
    expect(
      judgeRun("regression", counted("Tests:  2 failed, 8 passed, 10 total"), before),
    ).toMatchObject({ result: "fail", reason: "2 tests fail by its own count, and 1 on the base" });
    expect(judgeRun("regression", before, before).result).toBe("pass");
  });

  test("a network that is not there is said, and costs no attempt where nothing ran", () => {
    const refused = (port: number) => ({
      ...run(1),
      outputTail: `Error: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
    expect(judgeRun("acceptance", refused(5432), refused(5432))).toMatchObject({
      result: "inconclusive",
      reason:
        'exit 1, as on the base; it seems to need a network or a database that it cannot reach: "Error: connect ECONNREFUSED 127.0.0.1:5432" (`services` in .deputy/config.yaml start one beside it)',
    });
    // Who listens on another port of this machine is the project.
    expect(judgeRun("acceptance", refused(8123), refused(8123)).result).toBe("fail");
    expect(judgeRun("acceptance", refused(5432), run(1)).result).toBe("fail");
  });

  test("a renamed test is the same test", () => {
    const renames = [{ from: ["a"], to: ["b"] }];
    expect(
      judgeRun("regression", run(1, list("b:f")), run(1, list("a:f")), { renames }),
    ).toMatchObject({ result: "pass", reason: "red before too: the same 1 test fails" });
    expect(
      judgeRun("regression", run(1, list("b:f")), run(0, list("a:p")), { renames }).result,
    ).toBe("fail");
  });

  test("a flaky test's failure is not counted, and its passing is no news", () => {
    const flaky = new Set(["x"]);
    const [before, now] = [run(0, list("a:p x:p")), run(1, list("a:p x:f"))];
    expect(judgeRun("regression", now, before, { flaky })).toMatchObject({
      result: "pass",
      reason: "red in flaky tests alone (exit 1); not counted, because it flips on the base too: x",
      flaky: ["x"],
    });
    expect(judgeRun("regression", run(1, list("a:f x:f")), before, { flaky })).toMatchObject({
      result: "fail",
      newlyFailing: ["a"],
    });
    const red = run(1, list("a:p x:f"));
    expect(judgeRun("acceptance", run(0, list("a:p x:p")), red, { flaky }).result).toBe(
      "inconclusive",
    );
    expect(judgeRun("acceptance", now, red, { flaky }).result).toBe("inconclusive");
    const wanted = run(1, list("a:f x:p"));
    expect(judgeRun("acceptance", now, wanted, { flaky }).result).toBe("pass");
    expect(judgeRun("regression", run(1, list("x:f")), run(0, list("x:p")), { flaky }).result).toBe(
      "inconclusive",
    );
  });

  test("a second run that fails in another way is inconclusive, and says why", () => {
    const check = makeCheck("c", { kind: "acceptance" });
    const { reason, result } = judgeCheck(check, run(1), run(2), run(0));
    expect(result).toBe("inconclusive");
    expect(reason).toBe(
      "it fails in another way the second time (exit 1, then exit 2): it may leave something behind that its next run meets",
    );
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
  expect(conclude([pass], [{ ...finding, paths: [] }], []).summary).toBe("1 check passes");
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

test("checks that are as red as the base show nothing by themselves", () => {
  const red = judgeCheck(makeCheck("r"), run(1), null, run(1));
  const green = judgeCheck(makeCheck("g"), run(0), null, run(0));
  expect(conclude([red], [], [])).toMatchObject({
    result: "inconclusive",
    summary:
      "`r` shows nothing about the change: it fails without the change too (exit 1), and names no test that passes",
  });
  const three = run(1, list("a:f b:f c:f"));
  expect(conclude([judgeCheck(makeCheck("r"), three, null, three)], [], []).summary).toBe(
    "`r` shows nothing about the change: its 3 failing tests fail without the change too, and nothing else ran",
  );
  const empty = run(0, list(""));
  expect(conclude([judgeCheck(makeCheck("e"), empty, null, empty)], [], [])).toMatchObject({
    result: "inconclusive",
    summary: "`e` is green, and no test ran in it, as on the base",
  });
  expect(conclude([green, red], [], [])).toMatchObject({
    result: "pass",
    summary: "1 check passes, 1 check fails as on the base",
  });
  const others = run(1, list("a:f b:p"));
  const checks = [judgeCheck(makeCheck("r"), others, null, others)];
  expect(conclude(checks, [], [])).toMatchObject({
    result: "pass",
    summary: "1 check fails as on the base",
  });
});

describe("a service that did not run as long as its check", () => {
  const kept: CheckRun = {
    ...{ ...run(null), detail: "service `db` exited with 1 before it was ready" },
    failedService: "db",
  };
  test.each([
    ["regression", run(0), "fail", `${kept.detail}; without the change its services run`],
    ["acceptance", run(1), "fail", `${kept.detail}; without the change its services run`],
    ["regression", kept, "inconclusive", kept.detail],
    ["acceptance", null, "inconclusive", kept.detail],
  ] as const)("of a check of kind %s, with %j on the base", (kind, baseline, result, reason) => {
    expect(judgeRun(kind, kept, baseline)).toMatchObject({ result, reason });
  });

  test("is never red before too", () => {
    expect(judgeRun("regression", run(1), kept)).toMatchObject({
      result: "inconclusive",
      reason: `red (exit 1), and on the base it ${kept.detail}, so nothing can be compared`,
    });
  });
});
