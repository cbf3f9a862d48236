import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTestResults } from "../../src/verifier/tests/parse-test-results.ts";

/** Output that the runners really printed, with its folders renamed. */
function sample(name: string): string {
  return readFileSync(new URL(`samples/${name}`, import.meta.url), "utf8");
}

function tally(text: string, root = "/samples/v") {
  const results = parseTestResults(text, root);
  const by = (state: string) =>
    Object.entries(results?.tests ?? {}).flatMap(([name, is]) => (is === state ? [name] : []));
  return {
    format: results?.format,
    listed: results?.listed,
    passed: by("passed"),
    failed: by("failed"),
    skipped: by("skipped"),
  };
}

describe("what runners print", () => {
  const node = {
    listed: "all",
    failed: ["fails # hard", "parent > kid (2)"],
    skipped: ["group > sk", "group > td", "group > todo fails"],
  };
  const vitest = {
    listed: "all",
    failed: ["x.test.ts > sum > subs"],
    skipped: ["x.test.ts > sum > sk", "x.test.ts > sum > td"],
  };
  const pytest = {
    failed: ["test_a.py::test_bad", "test_a.py::test_p[c - d]", "test_a.py::test_err"],
  };
  const broken = "y.test.ts (whole file)";

  test.each([
    ["node-tap.txt", { format: "tap", ...node }],
    ["node-junit.xml", { format: "junit", ...node }],
    ["vitest-json.txt", { format: "vitest-json", ...vitest }],
    ["vitest-broken-file-json.txt", { ...vitest, failed: [...vitest.failed, broken] }],
    ["vitest-junit.xml", { format: "junit", ...vitest, failed: [...vitest.failed, broken] }],
    ["vitest-tap.txt", { format: "tap", ...vitest, failed: [...vitest.failed, broken] }],
    ["pytest-verbose.txt", { format: "pytest", listed: "all", ...pytest }],
    ["pytest-quiet.txt", { format: "pytest", listed: "failures", ...pytest, passed: [] }],
    ["pytest-collection-error.txt", { listed: "some", failed: ["test_b.py (whole file)"] }],
  ])("%s", (name, expected) => {
    expect(tally(sample(name))).toMatchObject(expected);
  });

  test("tests of one name are told apart by their order, suites are entries of their own", () => {
    expect(tally(sample("node-tap.txt")).passed).toEqual([
      "adds",
      "group",
      "group > in",
      "group > deep",
      "group > deep > in",
      "parent",
      "parent > kid",
      "adds (2)",
    ]);
  });

  test("pytest's own words: skips, expected failures, tests with spaces in their names", () => {
    const { passed, skipped } = tally(sample("pytest-verbose.txt"));
    expect(skipped).toEqual(["test_a.py::test_skip", "test_a.py::test_xf"]);
    expect(passed).toContain("test_a.py::test_p[a b]");
    expect(passed).toContain("test_a.py::test_xp");
    expect(tally(sample("pytest-junit.xml"))).toMatchObject({
      listed: "all",
      failed: [
        "pytest > test_a > test_bad",
        "pytest > test_a > test_p[c - d]",
        "pytest > test_a > test_err",
      ],
    });
  });

  test("pytest's subtests: a test is named once, and fails when a part of it does", () => {
    const verbose = (end: string) =>
      [
        "===== test session starts =====",
        "a.py::T::test_bad ",
        "a.py::T::test_bad PASSED                     [ 50%]",
        "a.py::T::test_sub ",
        "a.py::T::test_sub PASSED                     [100%]",
        "",
        end,
      ].join("\n");
    expect(tally(verbose("===== 2 passed, 4 subtests passed in 0.12s ====="))).toMatchObject({
      listed: "all",
      passed: ["a.py::T::test_bad", "a.py::T::test_sub"],
    });
    const failed =
      "===== short test summary info =====\nSUBFAILED[msg] (i=2) a.py::T::test_bad - AssertionError: 1 != 2\n===== 1 failed, 2 passed, 7 subtests passed in 1.05s =====";
    expect(tally(verbose(failed))).toMatchObject({
      listed: "all",
      passed: ["a.py::T::test_sub"],
      failed: ["a.py::T::test_bad"],
    });
  });

  test.each([
    ["TAP", "TAP version 13\n1..0\n# tests 0\n"],
    ["jest", '{"numTotalTests":0,"testResults":[]}'],
    ["JUnit", '<testsuites name="a" tests="0"></testsuites>'],
    [
      "pytest",
      "===== test session starts =====\ncollected 0 items\n===== no tests ran in 0.01s =====\n",
    ],
    ["go", '{"Action":"start","Package":"m"}\n{"Action":"skip","Package":"m"}\n'],
  ])("%s says that no test ran", (_, text) => {
    expect(parseTestResults(text, "/r")).toMatchObject({ listed: "all", tests: {} });
  });

  test("a package manager's banner, colours and the folder of the run do not matter", () => {
    const banner = `\n> app@1.0.0 test\n> vitest run\n\n${sample("vitest-json.txt")}\nDone in 2 s\n`;
    expect(tally(banner)).toEqual(tally(sample("vitest-json.txt")));
    const elsewhere = sample("vitest-json.txt").replaceAll("/samples/v/", "/other/place/");
    expect(tally(elsewhere, "/other/place")).toEqual(tally(sample("vitest-json.txt")));
    const coloured = sample("pytest-verbose.txt").replaceAll("PASSED", "\u001b[32mPASSED\u001b[0m");
    expect(tally(coloured)).toEqual(tally(sample("pytest-verbose.txt")));
  });

  test("go test -json: subtests, a panic in the middle, a package that does not build", () => {
    const events = [
      { Action: "run", Package: "m/a", Test: "TestOne" },
      { Action: "run", Package: "m/a", Test: "TestOne/deep" },
      { Action: "output", Package: "m/a", Test: "TestOne/deep", Output: "--- FAIL\n" },
      { Action: "fail", Package: "m/a", Test: "TestOne/deep" },
      { Action: "fail", Package: "m/a", Test: "TestOne" },
      { Action: "run", Package: "m/a", Test: "TestSkipped" },
      { Action: "skip", Package: "m/a", Test: "TestSkipped" },
      { Action: "run", Package: "m/a", Test: "TestPanics" },
      { Action: "fail", Package: "m/a" },
      { Action: "fail", Package: "m/b" },
      { Action: "pass", Package: "m/c" },
    ];
    const text = events.map((event) => JSON.stringify({ Time: "t", ...event })).join("\nnoise\n");
    expect(tally(text)).toEqual({
      format: "go-json",
      listed: "all",
      passed: ["m/a > TestOne"],
      failed: ["m/a > TestOne/deep", "m/a > TestPanics", "m/b (whole file)"],
      skipped: ["m/a > TestSkipped"],
    });
    expect(tally(text.replace(/.*"Package":"m\/a"}\n/, "")).listed).toBe("some");
  });

  test("jest's JSON: pending and todo are skipped", () => {
    const report = {
      numTotalTests: 3,
      testResults: [
        {
          name: "/samples/v/a.test.js",
          status: "passed",
          assertionResults: ["passed", "pending", "todo"].map((status) => ({
            ancestorTitles: ["s"],
            title: status,
            status,
          })),
        },
      ],
    };
    expect(tally(JSON.stringify(report))).toMatchObject({
      passed: ["a.test.js > s > passed"],
      skipped: ["a.test.js > s > pending", "a.test.js > s > todo"],
    });
  });
});

describe("a list that is not whole says so", () => {
  test.each([
    ["TAP cut before its plan", "TAP version 13\nok 1 - a\n"],
    ["TAP with fewer tests than planned", "TAP version 13\n1..3\nok 1 - a\n"],
    ["TAP that bailed out", "TAP version 13\n1..2\nok 1 - a\nBail out! no database\n"],
    [
      "pytest stopped by --maxfail",
      "= test session starts =\na.py::t PASSED [ 50%]\na.py::u FAILED [100%]\n!!!!! stopping after 1 failures !!!!!\n= 1 failed, 1 passed in 0.1s =\n",
    ],
  ])("%s", (_, text) => {
    expect(parseTestResults(text, "/r")?.listed).toBe("some");
  });

  test("so does any list from output of which a part was left out", () => {
    expect(parseTestResults("TAP version 13\n1..1\nok 1 - a\n", "/r", true)?.listed).toBe("some");
  });

  test("two TAP documents, one after the other, are one list", () => {
    const one = "TAP version 13\nok 1 - a\n1..1\n";
    expect(parseTestResults(`> w1\n${one}> w2\n${one}`, "/r")).toMatchObject({
      listed: "all",
      tests: { a: "passed", "a (2)": "passed" },
    });
  });
});

describe("hostile text", () => {
  test.each([
    ["nothing", ""],
    ["prose", "all tests passed, believe me"],
    ["broken JSON", '{"numTotalTests":1,"testResults":[{'],
    ["deep JSON", `{"testResults":${"[".repeat(100_000)}`],
    ["JSON of wrong types", '{"numTotalTests":"1","testResults":{"a":1}}'],
    ["XML that is cut", '<testsuites><testsuite name="a"><testcase name="b"'],
    ["XML with entities", '<!DOCTYPE x [<!ENTITY a "b">]><testsuites/>'],
    ["a DOCTYPE inside", '<testsuite name="a"><!DOCTYPE x><testcase name="b"/></testsuite>'],
    ["XML a hundred thousand deep", "<testsuite>".repeat(1e5) + "</testsuite>".repeat(1e5)],
    ["a million TAP lines", `TAP version 13\n${"ok 1 - a\n".repeat(1e6)}`],
    ["too much of anything", "ok\n".repeat(8e6)],
  ])("%s gives no list", (_, text) => {
    expect(parseTestResults(text, "/r")).toBeNull();
  });

  test("names are data: cleaned, cut, and free to be called __proto__", () => {
    const long = "x".repeat(5_000);
    const text = `TAP version 13\nok 1 - __proto__\nok 2 - constructor\nok 3 - \u0000\u001b[2Jevil\nok 4 - ${long}\nok 5 - \ud800\n1..5\n`;
    const results = parseTestResults(text, "/r");
    const names = Object.keys(results?.tests ?? {});
    expect(names).toEqual(["__proto__", "constructor", "[2Jevil", "x".repeat(500), "\ufffd"]);
    expect(Object.hasOwn(results?.tests ?? {}, "__proto__")).toBe(true);
  });

  test("deep nesting, which the TAP parser takes long for, is cut off", () => {
    const deep = Array.from({ length: 3_000 }, (_, depth) => `${"    ".repeat(depth)}ok 1 - a`);
    expect(parseTestResults(`TAP version 13\n1..2\n${deep.join("\n")}`, "/r")?.listed).toBe("some");
  });

  test("no text makes it throw", () => {
    const pieces = fc.constantFrom(
      "TAP version 13\n",
      "ok 1 - a\n",
      "not ok 2\n",
      "    ",
      "1..2\n",
      "  ---\n",
      "  ...\n",
      "Bail out!\n",
      '{"Action":"pass","Package":"p"}\n',
      '{"testResults":[',
      "<testsuite>",
      "</testsuite>",
      "<testcase/>",
      "= test session starts =\n",
      "a.py::b PASSED\n",
      "FAILED a::[ - x\n",
      "= 1 passed in 1s =\n",
      "{\n",
      "}\n",
      "\u001b[31m",
    );
    const text = fc
      .array(fc.oneof(pieces, fc.string()), { maxLength: 40 })
      .map((all) => all.join(""));
    fc.assert(
      fc.property(text, (input) => {
        const results = parseTestResults(input, "/r");
        expect(results === null || typeof results.tests === "object").toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
