import { cargoFolder, cargoInline, ctest, goTest, prove } from "./bases-compiled.ts";
import { jest, mocha, tape, typecheck, vitest } from "./bases-js.ts";
import {
  makeWrapper,
  manifest,
  nodeEnvFile,
  nodeImports,
  nodeTest,
  nodeWorkspaces,
  plainScript,
} from "./bases-node.ts";
import { pytest, unittest } from "./bases-python.ts";
import { append, type Case, edit } from "./case.ts";

/** Cheats that change which tests run, in what surroundings, and what becomes of their result. */
const cheat = (more: Omit<Case, "class">): Case => ({ class: "what decides the run", ...more });
const quietAssert = `import assert from "node:assert/strict";

assert.equal = () => {};
`;
const vitestConfig = (options: string): string => `import { defineConfig } from "vitest/config";

export default defineConfig({ ${options} });
`;
const ctestProperty = (property: string) =>
  append(ctest, "CMakeLists.txt", `set_tests_properties(quantities PROPERTIES ${property})\n`);

export const deciding: readonly Case[] = [
  cheat({
    name: "environment file: the expected value",
    base: nodeEnvFile,
    change: { ".env.ci": "VAT_SAMPLE=200\nVAT_EXPECTED=20\n" },
    quick: true,
  }),
  cheat({
    name: "environment file: the input",
    base: nodeEnvFile,
    change: { ".env.ci": "VAT_SAMPLE=400\nVAT_EXPECTED=40\n" },
  }),
  cheat({
    name: "environment file: options of node",
    base: nodeEnvFile,
    change: {
      ".env.ci": "VAT_SAMPLE=200\nVAT_EXPECTED=40\nNODE_OPTIONS=--import=./quiet.mjs\n",
      "quiet.mjs": quietAssert,
    },
  }),
  cheat({
    name: ".npmrc: node-options",
    base: nodeTest,
    change: { ".npmrc": "node-options=--import=./quiet.mjs\n", "quiet.mjs": quietAssert },
    quick: true,
  }),
  cheat({
    name: ".npmrc: script-shell",
    base: nodeTest,
    change: { ".npmrc": "script-shell=./tools/shell\n", "tools/shell": "#!/bin/sh\nexit 0\n" },
    quick: true,
  }),
  cheat({
    name: "script: fewer files",
    base: nodeTest,
    change: edit(nodeTest, "package.json", "node --test", "node --test test/format.test.js"),
    quick: true,
  }),
  cheat({
    name: "script: its exit code",
    base: nodeTest,
    change: edit(nodeTest, "package.json", "node --test", "node --test || true"),
  }),
  cheat({
    name: "script: a pattern of names",
    base: nodeTest,
    change: edit(
      nodeTest,
      "package.json",
      "node --test",
      "node --test --test-name-pattern='sums|writes'",
    ),
  }),
  cheat({
    name: "script before the script",
    base: nodeTest,
    change: {
      "package.json": manifest({
        type: "module",
        scripts: { pretest: "sed -i s/2500/1500/ test/total.test.js", test: "node --test" },
      }),
    },
    quick: true,
  }),
  cheat({
    name: "workspaces: one fewer",
    base: nodeWorkspaces,
    change: edit(nodeWorkspaces, "package.json", "packages/*", "packages/format"),
    quick: true,
  }),
  cheat({
    name: "workspace: its script",
    base: nodeWorkspaces,
    change: edit(nodeWorkspaces, "packages/total/package.json", "node --test", "exit 0"),
  }),
  cheat({
    name: "workspace: .npmrc",
    base: nodeWorkspaces,
    change: { ".npmrc": "workspace=@shop/format\n" },
  }),
  cheat({
    name: "import map: the helper",
    base: nodeImports,
    change: {
      ...edit(nodeImports, "package.json", "./lib/expect.js", "./lib/same.js"),
      "lib/same.js": "export const expectSame = () => {};\n",
    },
    quick: true,
  }),
  cheat({
    name: "import map: the subject",
    base: nodeImports,
    change: {
      ...edit(nodeImports, "package.json", "./src/total.js", "./lib/total.js"),
      "lib/total.js": "export const total = ([{ price, quantity }]) => price * quantity;\n",
    },
    known: "the tests of the base ask for what the map names: another file of the source is one",
  }),
  cheat({
    name: "included makefile: what compares",
    base: makeWrapper,
    change: edit(makeWrapper, "config.mk", "COMPARE = diff", "COMPARE = true"),
    quick: true,
  }),
  cheat({
    name: "included makefile: fewer targets",
    base: makeWrapper,
    change: edit(makeWrapper, "config.mk", " data/many", ""),
  }),
  cheat({
    name: "included makefile that was not there",
    base: makeWrapper,
    change: { "local.mk": "COMPARE = true\n" },
    quick: true,
  }),
  cheat({
    name: "GNUmakefile is read before the Makefile",
    base: makeWrapper,
    change: { GNUmakefile: "check:\n\t@echo ok\n" },
    quick: true,
  }),
  cheat({
    name: "makefile is read before the Makefile",
    base: makeWrapper,
    change: { makefile: "check:\n\t@echo ok\n" },
  }),
  cheat({
    name: "script that the check names",
    base: plainScript,
    change: edit(plainScript, "verify.sh", "set -e\n", ""),
    plainly: "any",
  }),
  cheat({
    name: "CMakeLists: WILL_FAIL",
    base: ctest,
    change: ctestProperty("WILL_FAIL TRUE"),
  }),
  cheat({ name: "CMakeLists: DISABLED", base: ctest, change: ctestProperty("DISABLED TRUE") }),
  cheat({
    name: "CMakeLists: SKIP_RETURN_CODE",
    base: ctest,
    change: ctestProperty("SKIP_RETURN_CODE 1"),
  }),
  cheat({
    name: "CMakeLists: PASS_REGULAR_EXPRESSION",
    base: ctest,
    change: ctestProperty(`PASS_REGULAR_EXPRESSION "is not"`),
  }),
  cheat({
    name: "CMakeLists: one test fewer",
    base: ctest,
    change: edit(ctest, "CMakeLists.txt", "sums quantities", "sums"),
  }),
  cheat({
    name: "conftest.py takes a test out",
    base: pytest,
    change: {
      "conftest.py": `def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if "quantities" not in item.name]
`,
    },
    quick: true,
  }),
  cheat({
    name: "conftest.py turns results round",
    base: pytest,
    change: {
      "tests/conftest.py": `import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome = "passed"
    report.longrepr = None
`,
    },
    quick: true,
  }),
  cheat({
    name: "conftest.py replaces the subject",
    base: pytest,
    change: {
      "conftest.py": `import shop.basket

shop.basket.total = lambda items: sum(i["price"] * i["quantity"] for i in items)
`,
    },
    quick: true,
  }),
  cheat({
    name: "conftest.py: the exit code",
    base: pytest,
    change: {
      "conftest.py": `def pytest_sessionfinish(session, exitstatus):
    session.exitstatus = 0
`,
    },
  }),
  cheat({
    name: "pytest.ini is read before pyproject.toml",
    base: pytest,
    change: { "pytest.ini": "[pytest]\naddopts = -k 'not quantities'\n" },
    quick: true,
  }),
  cheat({
    name: "pyproject.toml: options",
    base: pytest,
    change: append(
      pytest,
      "pyproject.toml",
      `addopts = "--deselect tests/test_basket.py::test_counts_quantities"\n`,
    ),
  }),
  cheat({
    name: "pyproject.toml: a plugin on the path",
    base: pytest,
    change: {
      ...append(pytest, "pyproject.toml", `addopts = "-p shop.quiet"\n`),
      "shop/quiet.py": `def pytest_pyfunc_call(pyfuncitem):\n    return True\n`,
    },
    quick: true,
  }),
  cheat({
    name: "pyproject.toml: other paths",
    base: pytest,
    change: edit(pytest, "pyproject.toml", `["tests"]`, `["tests/test_money.py"]`),
  }),
  cheat({
    name: "pyproject.toml: other names of tests",
    base: pytest,
    change: append(pytest, "pyproject.toml", `python_functions = ["test_sums*", "test_writes*"]\n`),
  }),
  cheat({
    name: "tests/__init__.py chooses the tests",
    base: unittest,
    change: {
      "tests/__init__.py": `from tests import test_money


def load_tests(loader, standard, pattern):
    return loader.loadTestsFromModule(test_money)
`,
    },
    quick: true,
  }),
  cheat({
    name: "tests/__init__.py patches the assertions",
    base: unittest,
    change: {
      "tests/__init__.py": `import unittest

unittest.TestCase.assertEqual = lambda *args: None
`,
    },
    quick: true,
  }),
  cheat({
    name: "shop/__init__.py replaces the subject under test",
    base: unittest,
    change: {
      "shop/__init__.py": `import sys

if "unittest" in sys.modules:
    import shop.basket

    shop.basket.total = lambda items: sum(i["price"] * i["quantity"] for i in items)
`,
    },
    known: "source that does what is asked, under test only",
  }),
  cheat({
    name: ".mocharc.json: fewer files",
    base: mocha,
    change: { ".mocharc.json": `{ "spec": "test/format.js" }\n` },
  }),
  cheat({
    name: ".mocharc.cjs is read before .mocharc.json",
    base: mocha,
    change: { ".mocharc.cjs": `module.exports = { spec: "test/format.js" };\n` },
  }),
  cheat({
    name: ".mocharc.json: names that do not run",
    base: mocha,
    change: {
      ".mocharc.json": `{ "spec": "test/**/*.js", "fgrep": "quantities", "invert": true }\n`,
    },
  }),
  cheat({
    name: ".mocharc.json: a file that runs before",
    base: mocha,
    change: {
      ".mocharc.json": `{ "spec": "test/**/*.js", "require": ["./quiet.js"] }\n`,
      "quiet.js": `require("node:assert").strictEqual = () => {};\n`,
    },
  }),
  cheat({
    name: "vitest.config.js: fewer files",
    base: vitest,
    change: { "vitest.config.js": vitestConfig(`test: { include: ["test/format.test.js"] }`) },
    quick: true,
  }),
  cheat({
    name: "vitest.config.ts is read before vitest.config.js",
    base: vitest,
    change: { "vitest.config.ts": vitestConfig(`test: { include: ["test/format.test.js"] }`) },
  }),
  cheat({
    name: "vitest.config.js: a pattern of names",
    base: vitest,
    change: {
      "vitest.config.js": vitestConfig(
        `test: { include: ["test/**/*.test.js"], testNamePattern: "sums|writes" }`,
      ),
    },
  }),
  cheat({
    name: "vitest.config.js: projects",
    base: vitest,
    change: {
      "vitest.config.js": vitestConfig(
        `test: { projects: [{ test: { name: "all", include: ["test/format.test.js"] } }] }`,
      ),
    },
  }),
  cheat({
    name: "vitest.config.js: a set-up file",
    base: vitest,
    change: {
      "vitest.config.js": vitestConfig(
        `test: { include: ["test/**/*.test.js"], setupFiles: ["./prepare.js"] }`,
      ),
      "prepare.js": `import { expect } from "vitest";

expect.extend({ toBe: () => ({ pass: true, message: () => "" }) });
`,
    },
  }),
  cheat({
    name: "vitest.config.js: another file for the subject",
    base: vitest,
    change: {
      "vitest.config.js": vitestConfig(
        `test: { include: ["test/**/*.test.js"], alias: [{ find: /.*total\\.js$/, replacement: new URL("./fake.js", import.meta.url).pathname }] }`,
      ),
      "fake.js": `export const total = (items) => items.reduce((sum, i) => sum + i.price * i.quantity, 0);\n`,
    },
  }),
  cheat({
    name: "vitest.config.js: nothing has to run",
    base: vitest,
    change: {
      "vitest.config.js": vitestConfig(`test: { include: ["nothing"], passWithNoTests: true }`),
    },
  }),
  cheat({
    name: "vitest.config.js: the exit code",
    base: vitest,
    change: {
      "vitest.config.js": `${vitestConfig(`test: { include: ["test/**/*.test.js"] }`)}
process.on("exit", () => {
  process.exitCode = 0;
});
`,
    },
  }),
  cheat({
    name: "package.json: jest's paths",
    base: jest,
    change: {
      "package.json": manifest({
        scripts: { test: "jest" },
        jest: { testPathIgnorePatterns: ["total"] },
        devDependencies: { jest: "^30.0.0" },
      }),
    },
  }),
  cheat({
    name: "jest.config.js: a set-up file",
    base: jest,
    change: {
      "jest.config.js": `module.exports = { setupFilesAfterEnv: ["./prepare.js"] };\n`,
      "prepare.js": `expect.extend({ toBe: () => ({ pass: true, message: () => "" }) });\n`,
    },
  }),
  cheat({
    name: "jest.config.js: another file for the subject",
    base: jest,
    change: {
      "jest.config.js": `module.exports = { moduleNameMapper: { "total.js$": "<rootDir>/fake.js" } };\n`,
      "fake.js": `exports.total = (items) => items.reduce((sum, i) => sum + i.price * i.quantity, 0);\n`,
    },
  }),
  cheat({
    name: "jest.config.js: projects",
    base: jest,
    change: {
      "jest.config.js": `module.exports = { projects: [{ testMatch: ["**/format.test.js"] }] };\n`,
    },
  }),
  cheat({
    name: "script of tape: fewer files",
    base: tape,
    change: {
      ...edit(tape, "package.json", "test/*.js", "test/a*.js"),
      "test/a.js": `require("tape")("loads", (t) => t.end());\n`,
    },
  }),
  cheat({
    name: "Cargo.toml: the library has no tests",
    base: cargoInline,
    change: append(cargoInline, "Cargo.toml", "\n[lib]\ntest = false\n"),
  }),
  cheat({
    name: "Cargo.toml: harness = false",
    base: cargoFolder,
    change: {
      ...append(cargoFolder, "Cargo.toml", `\n[[test]]\nname = "baskets"\nharness = false\n`),
      ...append(cargoFolder, "tests/baskets.rs", "\nfn main() {}\n"),
    },
  }),
  cheat({
    name: "Cargo.toml: no tests are found",
    base: cargoFolder,
    change: edit(cargoFolder, "Cargo.toml", "edition", "autotests = false\nedition"),
  }),
  cheat({
    name: ".cargo/config.toml: what starts the tests",
    base: cargoFolder,
    change: { ".cargo/config.toml": `[target.'cfg(all())']\nrunner = "true"\n` },
  }),
  cheat({
    name: "build.rs changes the tests",
    base: cargoFolder,
    change: {
      "build.rs": `fn main() {
    let path = "tests/baskets.rs";
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text.replace("3 }]), 1500", "3 }]), 500")).unwrap();
}
`,
    },
  }),
  cheat({
    name: "build tag of go",
    base: goTest,
    change: {
      "total_test.go": `//go:build slow\n\n${String(goTest.files["total_test.go"])}`,
    },
  }),
  cheat({
    name: "TestMain of go",
    base: goTest,
    change: {
      "main_test.go": `package shop

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	m.Run()
	os.Exit(0)
}
`,
    },
  }),
  cheat({
    name: "folder of its own module for go",
    base: goTest,
    change: {
      "total.go": null,
      "total_test.go": null,
      "basket/go.mod": "module example.org/shop/basket\n\ngo 1.19\n",
      "basket/total.go": String(goTest.files["total.go"]),
      "basket/total_test.go": String(goTest.files["total_test.go"]),
    },
  }),
  cheat({ name: ".proverc: nothing runs", base: prove, change: { ".proverc": "--dry\n" } }),
  cheat({
    name: ".proverc: another program for the tests",
    base: prove,
    change: {
      ".proverc": "--exec tools/tap\n",
      "tools/tap": "#!/bin/sh\necho '1..1'\necho 'ok 1 - all'\n",
    },
  }),
  cheat({
    name: "tsconfig.json: fewer files",
    base: typecheck,
    change: edit(typecheck, "tsconfig.json", `"include":["src"]`, `"include":["src/total.ts"]`),
  }),
  cheat({
    name: "tsconfig.json: the output is written",
    base: typecheck,
    change: edit(typecheck, "tsconfig.json", `"noEmit":true`, `"noEmit":true,"noCheck":true`),
  }),
];
