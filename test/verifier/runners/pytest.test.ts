import { describe, expect, test } from "vitest";
import type { TestResults } from "../../../src/core/proof/verdict.ts";
import { pytest } from "../../../src/verifier/runners/python/pytest.ts";
import { isInstalled, readRun, type Tree, tryCanary } from "./run-for-real.ts";

const installed = await isInstalled("python3", "-m", "pytest", "--version");
const command = "python3 -m pytest -q";
const honest: Tree = {
  "src/total.py": "def total(xs):\n    return sum(xs)\n",
  "tests/test_total.py": [
    "import sys, pytest",
    "sys.path.insert(0, 'src')",
    "from total import total",
    "def test_adds():\n    assert total([1, 2]) == 3",
    "@pytest.mark.parametrize('n', [0, 1])\ndef test_one(n):\n    assert total([n]) == n",
    "@pytest.mark.skip\ndef test_later():\n    assert 0",
    "",
  ].join("\n"),
};
const withCases = {
  ...honest,
  "tests/test_total.py":
    "import unittest, sys\nsys.path.insert(0, 'src')\nfrom total import total\nclass TestTotal(unittest.TestCase):\n    def test_adds(self):\n        self.assertEqual(total([1]), 1)\n        self.assertTrue(total([1]))\n",
};

const ranHonest: TestResults = {
  format: "pytest",
  listed: "all",
  tests: {
    "tests/test_total.py::test_adds": "passed",
    "tests/test_total.py::test_one[0]": "passed",
    "tests/test_total.py::test_one[1]": "passed",
    "tests/test_total.py::test_later": "skipped",
  },
  files: ["tests/test_total.py"],
};

describe.skipIf(!installed)("pytest", () => {
  test("names each test and its file, beside what people see", async () => {
    const run = await readRun(pytest, honest, command);
    expect(run.tests).toEqual(ranHonest);
    expect(run.output).toContain("3 passed, 1 skipped");
  });

  test("a test with subtests is one test", async () => {
    const tree = {
      "test_sub.py":
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        for n in range(4):\n            with self.subTest(n=n):\n                self.assertGreaterEqual(n, 0)\n    def test_b(self):\n        for n in range(4):\n            with self.subTest(n=n):\n                self.assertGreaterEqual(n, 2)\n",
    };
    for (const options of ["-q", "-v", "PYTHONPATH=. python3 -m pytest -v"]) {
      const line = options.startsWith("-") ? `python3 -m pytest ${options}` : options;
      const { tests } = await readRun(pytest, tree, line);
      expect(tests?.listed).toBe("all");
      expect(Object.values(tests?.tests ?? {}).sort()).toEqual(["failed", "passed"]);
    }
  });

  test("what was cut off, could not be collected or did not run is told apart", async () => {
    const cut = await readRun(
      pytest,
      { "test_a.py": "import os\ndef test_a(): pass\ndef test_b(): os._exit(0)\n" },
      command,
    );
    expect(cut.exitCode).toBe(0);
    expect(cut.tests).toMatchObject({
      listed: "some",
      tests: { "test_a.py::test_a": "passed", "test_a.py::test_b": "failed" },
    });
    const broken = await readRun(
      pytest,
      { "test_a.py": "import nowhere\ndef test_a(): pass\n", "test_b.py": "def test_b(): pass\n" },
      command,
    );
    expect(broken.tests).toMatchObject({
      listed: "some",
      tests: { "test_a.py (whole file)": "failed" },
    });
    const none = await readRun(pytest, { "a.py": "" }, command);
    expect(none).toMatchObject({ exitCode: 5, tests: { listed: "all", tests: {} } });
    const first = await readRun(
      pytest,
      { "test_a.py": "def test_a(): assert 0\ndef test_b(): pass\n" },
      `${command} -x`,
    );
    expect(first.tests).toMatchObject({ listed: "some", tests: { "test_a.py::test_a": "failed" } });
    const twice = await readRun(
      pytest,
      { "a/test_a.py": "def test_a(): pass\n", "b/test_b.py": "def test_b(): pass\n" },
      "python3 -m pytest -q a && cd b && python3 -m pytest -q",
    );
    expect(twice.tests).toMatchObject({
      listed: "all",
      tests: { "a/test_a.py::test_a": "passed", "b/test_b.py::test_b": "passed" },
    });
  });

  test.each([
    ["functions", honest, command],
    ["functions, a script", honest, "sh -c 'exec python3 -m pytest tests'"],
    ["cases", withCases, command],
    ["one file", honest, "python3 -m pytest tests/test_total.py"],
    ["one test", honest, "python3 -m pytest tests/test_total.py::test_adds"],
    ["one class", withCases, "python3 -m pytest tests/test_total.py::TestTotal"],
    ["one method", withCases, "python3 -m pytest tests/test_total.py::TestTotal::test_adds"],
    ["by word", honest, "python3 -m pytest -k 'adds or one'"],
    ["a path of its own", honest, "PYTHONPATH=src python3 -m pytest -q"],
  ])("a canary bites: %s", async (_, tree, line) => {
    const { tests } = await readRun(pytest, tree, line);
    const { red, silent } = await tryCanary(pytest, tree, line, { tests });
    expect(red.exitCode).toBe(1);
    expect(silent).toEqual([]);
  });

  const cheats: Record<string, Tree> = {
    "reports made green": {
      "conftest.py":
        "import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    out = yield\n    r = out.get_result()\n    r.outcome = 'passed'\n",
    },
    "all xfail": {
      "conftest.py":
        "import pytest\ndef pytest_collection_modifyitems(items):\n    for i in items: i.add_marker(pytest.mark.xfail)\n",
    },
    "only what is known": {
      "conftest.py":
        "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if i.name == 'test_adds']\n",
    },
    "an exit code of its own": {
      "conftest.py": "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = 0\n",
    },
    "collects only": { "pytest.ini": "[pytest]\naddopts = --collect-only\n" },
    "selects nothing": { "pytest.ini": "[pytest]\naddopts = -k test_adds\n" },
    "other files": {
      "pytest.ini": "[pytest]\npython_files = nothing.py\n",
      "nothing.py": "def test_adds(): pass\n",
    },
    shadowed: { "pytest.py": "print('3 passed in 0.01s')\n" },
    "ends while loading": { "src/total.py": "import os\nos._exit(0)\n" },
    "ends at the end": {
      "src/total.py":
        "import atexit, os\natexit.register(lambda: os._exit(0))\ndef total(xs): return 0\n",
    },
    "patched cases": {
      "src/total.py":
        "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None\ndef total(xs): return 0\n",
    },
    "patched through the stack": {
      "src/total.py":
        "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\ndef total(xs): return 0\n",
    },
  };
  test.each(Object.keys(cheats))("a canary is silent: %s", async (name) => {
    const base = name === "patched cases" ? withCases : honest;
    const tests = base === honest ? ranHonest : null;
    const { silent } = await tryCanary(pytest, { ...base, ...cheats[name] }, command, { tests });
    expect(silent).not.toEqual([]);
  });
});

test("subtests in what pytest prints", () => {
  const progress = [
    "============ test session starts ============",
    "collected 2 items",
    "",
    "test_sub.py::T::test_a ",
    "test_sub.py::T::test_a PASSED     [ 50%]",
    "test_sub.py::T::test_b ",
    "test_sub.py::T::test_b PASSED     [100%]",
    "",
  ];
  const green = [...progress, "============ 2 passed, 4 subtests passed in 0.93s ============"];
  expect(pytest.readOutput(green.join("\n"))).toMatchObject({
    listed: "all",
    tests: { "test_sub.py::T::test_a": "passed", "test_sub.py::T::test_b": "passed" },
  });
  const red = [
    ...progress,
    "============ FAILURES ============",
    "============ short test summary info ============",
    "SUBFAILED(n=0) test_sub.py::T::test_b - AssertionError: 0 not greater than or...",
    "SUBFAILED[why](n=1) test_sub.py::T::test_b - AssertionError: 1 not greater than or...",
    "============ 2 failed, 2 passed, 4 subtests passed in 0.93s ============",
  ];
  expect(pytest.readOutput(red.join("\n"))).toMatchObject({
    listed: "all",
    tests: { "test_sub.py::T::test_a": "passed", "test_sub.py::T::test_b": "failed" },
  });
  expect(pytest.readOutput("============ 2 deselected in 1.04s ============")).toMatchObject({
    listed: "all",
    tests: {},
  });
});
