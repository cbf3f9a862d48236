import { describe, expect, test } from "vitest";
import { unittest } from "../../../src/verifier/runners/python/unittest.ts";
import { isInstalled, readRun, type Tree, tryCanary } from "./run-for-real.ts";

const installed = await isInstalled("python3", "--version");
const command = "python3 -m unittest";
const honest: Tree = {
  "shop/__init__.py": "",
  "shop/total.py": "def total(xs):\n    return sum(xs)\n",
  "tests/__init__.py": "",
  "tests/test_total.py": [
    "import unittest",
    "from shop.total import total",
    "class TestTotal(unittest.TestCase):",
    "    def test_adds(self):",
    '        """It adds."""',
    "        self.assertEqual(total([1, 2]), 3)",
    "        self.assertTrue(total([1]))",
    "    def test_each(self):",
    "        for n in range(4):",
    "            with self.subTest(n=n):",
    "                self.assertEqual(total([n]), n)",
    "    @unittest.skip('later')",
    "    def test_later(self):",
    "        self.fail()",
    "if __name__ == '__main__':",
    "    unittest.main()",
    "",
  ].join("\n"),
};
const names = ["test_adds", "test_each", "test_later"].map(
  (name) => `tests.test_total.TestTotal.${name}`,
);
const states = {
  [names[0] ?? ""]: "passed",
  [names[1] ?? ""]: "passed",
  [names[2] ?? ""]: "skipped",
};

describe.skipIf(!installed)("unittest", () => {
  test("names each test and its file, beside what people see", async () => {
    const run = await readRun(unittest, honest, command);
    expect(run.tests).toEqual({
      format: "unittest",
      listed: "all",
      tests: states,
      files: ["tests/test_total.py"],
    });
    expect(run.output).toMatch(/\.\.s|Ran 3 tests/);
    expect(run.output.split("\n").length).toBeLessThan(8);
  });

  test("reads what it prints where it cannot listen", async () => {
    const verbose = await readRun(unittest, honest, `PYTHONPATH=. ${command}`);
    expect(verbose.tests).toEqual({ format: "unittest", listed: "all", tests: states });
    const red = { ...honest, "shop/total.py": "def total(xs): return 4\n" };
    const quiet = await readRun(unittest, red, `PYTHONPATH=. ${command} -q`);
    expect(quiet.tests).toMatchObject({
      listed: "failures",
      tests: { [names[0] ?? ""]: "failed", [names[1] ?? ""]: "failed" },
    });
    const heard = await readRun(unittest, red, command);
    expect(heard.tests).toMatchObject({
      listed: "all",
      tests: { ...states, [names[0] ?? ""]: "failed", [names[1] ?? ""]: "failed" },
    });
  });

  test("what was cut off, could not be loaded or did not run is told apart", async () => {
    const cut = await readRun(
      unittest,
      {
        "test_a.py":
          "import unittest, os\nclass T(unittest.TestCase):\n    def test_a(self): pass\n    def test_b(self): os._exit(0)\n",
      },
      command,
    );
    expect(cut).toMatchObject({
      exitCode: 0,
      tests: {
        listed: "some",
        tests: { "test_a.T.test_a": "passed", "test_a.T.test_b": "failed" },
      },
    });
    const broken = { ...honest, "shop/total.py": "import nowhere\n" };
    for (const line of [command, `PYTHONPATH=. ${command}`]) {
      const run = await readRun(unittest, broken, line);
      expect(run.tests?.tests).toEqual({ "tests.test_total (whole file)": "failed" });
    }
    const none = await readRun(unittest, { "a.py": "" }, command);
    expect(none.tests).toMatchObject({ listed: "all", tests: {} });
    const setup = await readRun(
      unittest,
      {
        "test_a.py":
          "import unittest\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): raise ValueError()\n    def test_a(self): pass\n",
      },
      command,
    );
    expect(setup.tests?.tests).toEqual({ "setUpClass (test_a.T)": "failed" });
  });

  test.each([
    ["discovery", command],
    ["discovery in a folder", "python3 -m unittest discover -s tests -t ."],
    ["a module", "python3 -m unittest tests.test_total"],
    ["a class", "python3 -m unittest tests.test_total.TestTotal"],
    ["a test", "python3 -m unittest tests.test_total.TestTotal.test_adds"],
    ["a program", "PYTHONPATH=. python3 tests/test_total.py"],
    ["a file", "python3 -m unittest tests/test_total.py"],
  ])("a canary bites: %s", async (_, line) => {
    const { tests } = await readRun(unittest, honest, line);
    const { red, silent } = await tryCanary(unittest, honest, line, { tests });
    expect(red.exitCode).toBe(1);
    expect(silent).toEqual([]);
  });

  const cheats: Record<string, Tree> = {
    shadowed: { "unittest.py": "print('Ran 3 tests in 0.001s\\n\\nOK')\n" },
    "ends while loading": { "shop/total.py": "import os\nos._exit(0)\n" },
    "ends at the end": {
      "shop/total.py": "import atexit, os\natexit.register(os._exit, 0)\ndef total(xs): return 0\n",
    },
    "patched assertions": {
      "shop/total.py":
        "import unittest\nunittest.TestCase.assertTrue = lambda *a, **k: None\ndef total(xs): return 0\n",
    },
    "patched results": {
      "shop/total.py":
        "import unittest\nunittest.TestResult.addFailure = unittest.TextTestResult.addFailure = lambda *a: None\ndef total(xs): return 0\n",
    },
    "patched builtins": {
      "shop/total.py":
        "import builtins, sys\nsys.exit = builtins.exit = lambda code=0: __import__('os')._exit(0)\ndef total(xs): return 0\n",
    },
    "loads what it likes": {
      "tests/__init__.py":
        "def load_tests(loader, tests, pattern):\n    return loader.suiteClass()\n",
    },
  };
  test.each(Object.keys(cheats))("a canary is silent: %s", async (name) => {
    const tests = {
      format: "unittest",
      listed: "all",
      tests: {},
      files: ["tests/test_total.py"],
    } as const;
    const { silent } = await tryCanary(unittest, { ...honest, ...cheats[name] }, command, {
      tests: { ...tests, files: [...tests.files] },
    });
    expect(silent).not.toEqual([]);
  });
});
