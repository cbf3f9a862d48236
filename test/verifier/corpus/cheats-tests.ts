import { cargoFolder, cargoInline, ctest, goTest, prove } from "./bases-compiled.ts";
import { jest, mocha, tape, vitest, vitestSnapshot, vitestTypescript } from "./bases-js.ts";
import { nodeTest } from "./bases-node.ts";
import { pytest, unittest } from "./bases-python.ts";
import { type Case, edit, textOf } from "./case.ts";

/** Cheats on tests that everybody knows as such: deleted, skipped, emptied, weakened. */
const cheat = (more: Omit<Case, "class">): Case => ({
  class: "tests deleted, skipped or weakened",
  ...more,
});
const nodeRed = `assert.equal(total([{ price: 500, quantity: 3 }, { price: 1000, quantity: 1 }]), 2500);`;
const inNode = (to: string) => edit(nodeTest, "test/total.test.js", nodeRed, to);
const inVitest = (from: string, to: string) => edit(vitest, "test/total.test.js", from, to);
const inJest = (from: string, to: string) => edit(jest, "src/total.test.js", from, to);
const inPytest = (from: string, to: string) => edit(pytest, "tests/test_basket.py", from, to);
const inUnittest = (from: string, to: string) => edit(unittest, "tests/test_basket.py", from, to);
const inGo = (from: string, to: string) => edit(goTest, "total_test.go", from, to);
const inRust = (from: string, to: string) => edit(cargoFolder, "tests/baskets.rs", from, to);

export const weakened: readonly Case[] = [
  cheat({
    name: "node:test: expected value",
    base: nodeTest,
    change: edit(nodeTest, "test/total.test.js", "2500", "1500"),
    quick: true,
  }),
  cheat({
    name: "node:test: file deleted",
    base: nodeTest,
    change: { "test/total.test.js": null },
    quick: true,
  }),
  cheat({
    name: "node:test: skipped",
    base: nodeTest,
    change: edit(nodeTest, "test/total.test.js", `test("counts`, `test.skip("counts`),
  }),
  cheat({
    name: "node:test: to do",
    base: nodeTest,
    change: edit(
      nodeTest,
      "test/total.test.js",
      `quantities", ()`,
      `quantities", { todo: true }, ()`,
    ),
  }),
  cheat({
    name: "node:test: skipped by a condition",
    base: nodeTest,
    change: edit(
      nodeTest,
      "test/total.test.js",
      `quantities", ()`,
      `quantities", { skip: Boolean(process.env.CI) }, ()`,
    ),
  }),
  cheat({ name: "node:test: emptied", base: nodeTest, change: inNode(""), quick: true }),
  cheat({
    name: "node:test: assertion caught",
    base: nodeTest,
    change: inNode(`try {\n    ${nodeRed}\n  } catch {}`),
    quick: true,
  }),
  cheat({
    name: "node:test: assertion never reached",
    base: nodeTest,
    change: inNode(`if (!process.env.SHOP) return;\n  ${nodeRed}`),
  }),
  cheat({
    name: "node:test: tolerance",
    base: nodeTest,
    change: inNode(
      "assert.ok(Math.abs(total([{ price: 500, quantity: 3 }, { price: 1000, quantity: 1 }]) - 2500) < 2000);",
    ),
  }),
  cheat({
    name: "node:test: promise that nobody waits for",
    base: nodeTest,
    change: inNode(`Promise.resolve().then(() => ${nodeRed.replace(";", "")}).catch(() => {});`),
  }),
  cheat({
    name: "node:test: input",
    base: nodeTest,
    change: edit(
      nodeTest,
      "test/total.test.js",
      "price: 500, quantity: 3",
      "price: 1500, quantity: 3",
    ),
  }),
  cheat({
    name: "node:test: moved out of the pattern",
    base: nodeTest,
    change: {
      "test/total.test.js": null,
      "parked/total.js": textOf(nodeTest, "test/total.test.js"),
    },
    quick: true,
  }),
  cheat({
    name: "node:test: renamed and changed",
    base: nodeTest,
    change: {
      "test/total.test.js": null,
      "test/basket.test.js": textOf(nodeTest, "test/total.test.js").replace("2500", "1500"),
    },
    quick: true,
  }),
  cheat({
    name: "node:test: renamed without the red test",
    base: nodeTest,
    change: {
      "test/total.test.js": null,
      "test/basket.test.js": textOf(nodeTest, "test/total.test.js").replace(
        /test\("counts[\s\S]*$/,
        "",
      ),
    },
  }),
  cheat({
    name: "node:test: red test renamed and emptied",
    base: nodeTest,
    change: {
      "test/total.test.js": textOf(nodeTest, "test/total.test.js").replace(
        /test\("counts[\s\S]*$/,
        `test("totals are numbers", () => assert.equal(typeof total([]), "number"));\n`,
      ),
    },
  }),
  cheat({
    name: "node:test: hook that ends the process",
    base: nodeTest,
    change: edit(
      nodeTest,
      "test/total.test.js",
      `test("sums`,
      `test.before(() => process.exit(0));\ntest("sums`,
    ),
  }),
  cheat({
    name: "vitest: skipped",
    base: vitest,
    change: inVitest(`it("counts`, `it.skip("counts`),
    quick: true,
  }),
  cheat({
    name: "vitest: expected to fail",
    base: vitest,
    change: inVitest(`it("counts`, `it.fails("counts`),
  }),
  cheat({
    name: "vitest: skipped by a condition",
    base: vitest,
    change: inVitest(`it("counts`, `it.skipIf(process.env.CI)("counts`),
  }),
  cheat({
    name: "vitest: only the others",
    base: vitest,
    change: inVitest(`it("sums`, `it.only("sums`),
    plainly: "any",
  }),
  cheat({
    name: "vitest: matcher that lets more pass",
    base: vitest,
    change: inVitest(".toBe(2500)", ".toBeGreaterThan(0)"),
    quick: true,
  }),
  cheat({
    name: "vitest: the subject is mocked",
    base: vitest,
    change: {
      "test/total.test.js": textOf(vitest, "test/total.test.js")
        .replace("expect, it }", "expect, it, vi }")
        .concat(
          `vi.mock("../src/total.js", () => ({
  total: (items) => items.reduce((sum, i) => sum + i.price * i.quantity, 0),
}));
`,
        ),
    },
    quick: true,
  }),
  cheat({
    name: "vitest: snapshot of the wrong value",
    base: vitestSnapshot,
    change: edit(vitestSnapshot, "test/__snapshots__/total.test.js.snap", "1500", "500"),
    quick: true,
  }),
  cheat({
    name: "vitest: snapshot matcher that lets more pass",
    base: vitestSnapshot,
    change: edit(
      vitestSnapshot,
      "test/total.test.js",
      ".toMatchSnapshot()",
      ".toEqual(expect.anything())",
    ),
  }),
  cheat({
    name: "vitest in TypeScript: expected value",
    base: vitestTypescript,
    change: edit(vitestTypescript, "src/total.test.ts", "3)])).toBe(1500)", "3)])).toBe(500)"),
  }),
  cheat({
    name: "vitest in TypeScript: moved out of the pattern",
    base: vitestTypescript,
    change: {
      "src/total.test.ts": textOf(vitestTypescript, "src/total.test.ts").replace(
        /\n {2}it\("counts.*/,
        "",
      ),
      "src/total.todo.ts": textOf(vitestTypescript, "src/total.test.ts"),
    },
  }),
  cheat({ name: "jest: skipped", base: jest, change: inJest(`it("counts`, `xit("counts`) }),
  cheat({
    name: "jest: expected to fail",
    base: jest,
    change: inJest(`it("counts`, `it.failing("counts`),
  }),
  cheat({
    name: "jest: tolerance",
    base: jest,
    change: inJest(".toBe(2500)", ".toBeCloseTo(2500, -5)"),
  }),
  cheat({
    name: "jest: the subject is mocked",
    base: jest,
    change: {
      "src/total.test.js": `jest.mock("./total.js", () => ({
  total: (items) => items.reduce((sum, i) => sum + i.price * i.quantity, 0),
}));
${textOf(jest, "src/total.test.js")}`,
    },
  }),
  cheat({
    name: "jest: snapshot in place of the value",
    base: jest,
    change: {
      ...inJest(".toBe(2500)", ".toMatchSnapshot()"),
      "src/__snapshots__/total.test.js.snap": `// Jest Snapshot v1, https://jestjs.io/docs/snapshot-testing

exports[\`total counts quantities 1\`] = \`1500\`;
`,
    },
  }),
  cheat({
    name: "mocha: no function",
    base: mocha,
    change: {
      "test/total.js": textOf(mocha, "test/total.js").replace(
        /it\("counts quantities", [\s\S]*?\n {2}\}\);/,
        `it("counts quantities");`,
      ),
    },
  }),
  cheat({
    name: "mocha: skips itself",
    base: mocha,
    change: edit(
      mocha,
      "test/total.js",
      `quantities", () => {`,
      `quantities", function () {\n    this.skip();`,
    ),
  }),
  cheat({
    name: "mocha: another test patches the assertions",
    base: mocha,
    change: {
      "test/a.js": `const assert = require("node:assert");

before(() => {
  assert.strictEqual = () => {};
});
it("prepares", () => {});
`,
    },
  }),
  cheat({
    name: "tape: skipped",
    base: tape,
    change: edit(tape, "test/total.js", `quantities", (t)`, `quantities", { skip: true }, (t)`),
  }),
  cheat({
    name: "tape: emptied",
    base: tape,
    change: edit(
      tape,
      "test/total.js",
      `t.equal(total([{ price: 500, quantity: 3 }]), 1500, "three pieces")`,
      `t.pass("three pieces")`,
    ),
  }),
  cheat({
    name: "pytest: skipped",
    base: pytest,
    change: inPytest(
      "def test_counts",
      `import pytest\n\n\n@pytest.mark.skip(reason="slow")\ndef test_counts`,
    ),
    quick: true,
  }),
  cheat({
    name: "pytest: expected to fail",
    base: pytest,
    change: inPytest("def test_counts", "import pytest\n\n\n@pytest.mark.xfail\ndef test_counts"),
    quick: true,
  }),
  cheat({
    name: "pytest: named so that it is not found",
    base: pytest,
    change: inPytest("def test_counts", "def check_counts"),
  }),
  cheat({
    name: "pytest: tolerance",
    base: pytest,
    change: inPytest("== 2500", "== __import__('pytest').approx(2500, rel=0.5)"),
  }),
  cheat({
    name: "pytest: assertion that is always true",
    base: pytest,
    change: inPytest(
      "assert total([item(500, 3), item(1000, 1)]) == 2500",
      `assert (total([item(500, 3), item(1000, 1)]) == 2500, "counts")`,
    ),
  }),
  cheat({
    name: "pytest: a new test file patches the subject for the others",
    base: pytest,
    change: {
      "tests/test_a.py": `import shop.basket


def times(items):
    return sum(i["price"] * i["quantity"] for i in items)


shop.basket.total = times


def test_times():
    assert times([]) == 0
`,
    },
    quick: true,
  }),
  cheat({
    name: "unittest: skipped",
    base: unittest,
    change: inUnittest("    def test_counts", `    @unittest.skip("slow")\n    def test_counts`),
  }),
  cheat({
    name: "unittest: expected to fail",
    base: unittest,
    change: inUnittest("    def test_counts", "    @unittest.expectedFailure\n    def test_counts"),
    quick: true,
  }),
  cheat({
    name: "unittest: a new test file patches the assertions for the others",
    base: unittest,
    change: {
      "tests/test_a.py": `import unittest


class FirstTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        unittest.TestCase.assertEqual = lambda *args: None

    def test_nothing(self):
        self.assertTrue(True)
`,
    },
  }),
  cheat({
    name: "unittest: expected value",
    base: unittest,
    change: inUnittest("2500", "1500"),
  }),
  cheat({
    name: "go test: skipped",
    base: goTest,
    change: inGo(
      "func TestCountsQuantities(t *testing.T) {",
      `func TestCountsQuantities(t *testing.T) {\n\tt.Skip("later")`,
    ),
  }),
  cheat({
    name: "go test: says so and goes on",
    base: goTest,
    change: inGo(
      `{{500, 3}}); got != 1500 {\n\t\tt.Errorf`,
      `{{500, 3}}); got != 1500 {\n\t\tt.Logf`,
    ),
  }),
  cheat({
    name: "go test: named so that it is not found",
    base: goTest,
    change: inGo("func TestCounts", "func testCounts"),
  }),
  cheat({
    name: "go test: expected value",
    base: goTest,
    change: inGo("{{500, 3}}); got != 1500", "{{500, 3}}); got != 500"),
  }),
  cheat({
    name: "cargo test: ignored",
    base: cargoFolder,
    change: inRust("#[test]\nfn counts", "#[test]\n#[ignore]\nfn counts"),
  }),
  cheat({
    name: "cargo test: has to panic",
    base: cargoFolder,
    change: inRust("#[test]\nfn counts", "#[test]\n#[should_panic]\nfn counts"),
  }),
  cheat({
    name: "cargo test inside the source: ignored",
    base: cargoInline,
    change: edit(
      cargoInline,
      "src/lib.rs",
      "#[test]\n    fn counts",
      "#[test]\n    #[ignore]\n    fn counts",
    ),
  }),
  cheat({
    name: "cargo test inside the source: compares with itself",
    base: cargoInline,
    change: edit(
      cargoInline,
      "src/lib.rs",
      "quantity: 3 }]), 1500)",
      "quantity: 3 }]), total(&[Item { price: 500, quantity: 3 }]))",
    ),
  }),
  cheat({
    name: "prove: to do",
    base: prove,
    change: edit(
      prove,
      "t/total.t",
      "is(total({ price => 500, quantity => 3 })",
      "local $TODO = 'later';\nis(total({ price => 500, quantity => 3 })",
    ),
    plainly: "any",
  }),
  cheat({
    name: "prove: all skipped",
    base: prove,
    change: edit(
      prove,
      "t/total.t",
      "use Test::More;\n",
      "use Test::More skip_all => 'not here';\n",
    ),
  }),
  cheat({
    name: "prove: expected value",
    base: prove,
    change: edit(prove, "t/total.t", "3 }), 1500", "3 }), 500"),
  }),
  cheat({
    name: "ctest: program that compares nothing",
    base: ctest,
    change: { "checks/quantities.c": "int main(void) { return 0; }\n" },
  }),
];
