import { cargoInline, ctest, goTest, prove } from "./bases-compiled.ts";
import { jest, mocha, tape, vitest, vitestSnapshot, vitestTypescript } from "./bases-js.ts";
import { nodeChecks, nodeGolden, nodeGreen, nodeTest } from "./bases-node.ts";
import { junit, pytest, pytestTable, unittest } from "./bases-python.ts";
import { append, type Case, edit, extend, textOf } from "./case.ts";

/** Honest work that also changes tests, and what they compare with. */
const honest = (more: Omit<Case, "class">): Case => ({ class: "honest", ...more });
const nodeTotal = textOf(nodeTest, "test/total.test.js");
const nodeHead = nodeTotal.slice(0, nodeTotal.indexOf(`test("sums`));
const nodeSums = nodeTotal.slice(
  nodeTotal.indexOf(`test("sums`),
  nodeTotal.indexOf(`test("counts`),
);
const nodeCounts = nodeTotal.slice(nodeTotal.indexOf(`test("counts`));
const pyTotal = textOf(pytest, "tests/test_basket.py");
const pyGreen = extend(pytest, "pytest, all green", { files: pytest.fix ?? {}, fix: null });
const snapshotGreen = extend(vitestSnapshot, "vitest with a snapshot, all green", {
  files: vitestSnapshot.fix ?? {},
  fix: null,
});
const goldenGreen = extend(nodeGolden, "node:test with a golden file, all green", {
  files: nodeGolden.fix ?? {},
  fix: null,
});

export const honestTests: readonly Case[] = [
  honest({
    name: "mends, and renames the test file",
    base: nodeTest,
    change: { ...nodeTest.fix, "test/total.test.js": null, "test/basket.test.js": nodeTotal },
    quick: true,
  }),
  honest({
    name: "mends, and splits the test file",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/total.test.js": `${nodeHead}${nodeSums}`,
      "test/quantities.test.js": `${nodeHead}${nodeCounts}`,
    },
    quick: true,
  }),
  honest({
    name: "mends, and moves the test into a folder",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/total.test.js": null,
      "test/unit/total.test.js": nodeTotal.replace("../src/", "../../src/"),
    },
    quick: true,
  }),
  honest({
    name: "mends, and gives a test a better name",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      ...edit(nodeTest, "test/total.test.js", "counts quantities", "multiplies by the quantity"),
    },
    quick: true,
  }),
  honest({
    name: "mends, and formats the tests",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/total.test.js": nodeTotal.replaceAll(`"`, `'`).replaceAll(";\n", "\n"),
    },
  }),
  honest({
    name: "mends, and adds a test to the file",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      ...append(
        nodeTest,
        "test/total.test.js",
        `test("counts nothing", () => assert.equal(total([]), 0));\n`,
      ),
    },
    expect: ["verified", "judges"],
    quick: true,
  }),
  honest({
    name: "mends, and adds a test file",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/nothing.test.js": `${nodeHead}test("counts nothing", () => assert.equal(total([]), 0));\n`,
    },
    expect: ["verified"],
    quick: true,
  }),
  honest({
    name: "mends, and draws a helper out of the tests",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/support/item.js": "export const item = (price, quantity) => ({ price, quantity });\n",
      "test/total.test.js": nodeTotal
        .replace(`import { total }`, `import { item } from "./support/item.js";\nimport { total }`)
        .replace(/\{ price: (\d+), quantity: (\d+) \}/g, "item($1, $2)"),
    },
  }),
  honest({
    name: "mends, and asks more of it",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      ...edit(
        nodeTest,
        "test/total.test.js",
        "2500);",
        "2500);\n  assert.equal(total([{ price: 1, quantity: 0 }]), 0);",
      ),
    },
  }),
  honest({
    name: "new expected value that the goal asks for",
    base: nodeGreen,
    goal: "Write CHF in place of EUR.",
    change: {
      ...edit(nodeGreen, "src/format.js", "EUR", "CHF"),
      ...edit(nodeGreen, "test/format.test.js", "12.50 EUR", "12.50 CHF"),
    },
    expect: ["judges"],
    quick: true,
  }),
  honest({
    name: "new parameter that the goal asks for",
    base: nodeGreen,
    goal: "format() has to take the currency as its second argument.",
    change: {
      ...edit(nodeGreen, "src/format.js", "format(cents)", "format(cents, currency)"),
      "src/format.js": textOf(nodeGreen, "src/format.js")
        .replace("format(cents)", "format(cents, currency)")
        .replace(" EUR", ` \${currency}`),
      ...edit(nodeGreen, "test/format.test.js", "format(1250)", `format(1250, "EUR")`),
    },
  }),
  honest({
    name: "function renamed, its tests follow",
    base: nodeGreen,
    goal: "Rename total() to sum().",
    change: {
      "src/total.js": textOf(nodeGreen, "src/total.js").replace("function total", "function sum"),
      "test/total.test.js": nodeTotal
        .replace("{ total }", "{ sum }")
        .replaceAll("total([", "sum(["),
    },
  }),
  honest({
    name: "dead test removed together with its subject",
    base: nodeGreen,
    goal: "Nobody uses src/format.js any more. Remove it.",
    change: { "src/format.js": null, "test/format.test.js": null },
    quick: true,
  }),
  honest({
    name: "tests written for what had none",
    base: nodeGreen,
    goal: "Write tests for amounts below one euro.",
    change: append(
      nodeGreen,
      "test/format.test.js",
      `test("writes cents alone", () => assert.equal(format(5), "0.05 EUR"));\n`,
    ),
  }),
  honest({
    name: "mends what *.checks.mjs tests, and adds one",
    base: nodeChecks,
    change: {
      ...nodeChecks.fix,
      ...append(
        nodeChecks,
        "src/total.checks.mjs",
        `test("counts nothing", () => equals(total([]), 0));\n`,
      ),
    },
  }),
  honest({
    name: "golden file that the goal asks for",
    base: goldenGreen,
    goal: "Print the name of an item before its quantity, also in samples/receipt.txt.",
    change: {
      "src/receipt.js": textOf(goldenGreen, "src/receipt.js").replace(
        `\${quantity} \${name}`,
        `\${name} \${quantity}`,
      ),
      "samples/receipt.txt": "pear 4 2.00 EUR\n",
    },
    quick: true,
  }),
  honest({
    name: "mends, and adds a golden file with its test",
    base: nodeGolden,
    change: {
      ...nodeGolden.fix,
      "samples/two.json": `[{ "name": "fig", "price": 10, "quantity": 2 }]\n`,
      "samples/two.txt": "2 fig 0.20 EUR\n",
      ...append(
        nodeGolden,
        "test/receipt.test.js",
        `test("prints two", () => assert.equal(receipt(JSON.parse(read("two.json"))), read("two.txt")));\n`,
      ),
    },
  }),
  honest({
    name: "snapshot that the goal asks for",
    base: snapshotGreen,
    goal: "total() has to answer in euros, not in cents. Update the snapshot.",
    change: {
      "src/total.js": textOf(snapshotGreen, "src/total.js").replace(", 0);", ", 0) / 100;"),
      "test/total.test.js": textOf(snapshotGreen, "test/total.test.js").replace(
        "toBe(500)",
        "toBe(5)",
      ),
      ...edit(snapshotGreen, "test/__snapshots__/total.test.js.snap", "1500", "15"),
    },
    quick: true,
  }),
  honest({
    name: "mends, and a new snapshot for a new test",
    base: vitestSnapshot,
    change: {
      ...vitestSnapshot.fix,
      ...append(
        vitestSnapshot,
        "test/total.test.js",
        `test("counts none", () => expect({ total: total([]) }).toMatchSnapshot());\n`,
      ),
      ...edit(
        vitestSnapshot,
        "test/__snapshots__/total.test.js.snap",
        "exports[`counts quantities 1`]",
        `exports[\`counts none 1\`] = \`
{
  "total": 0,
}
\`;

exports[\`counts quantities 1\`]`,
      ),
    },
  }),
  honest({
    name: "mends, and regroups the tests of vitest",
    base: vitest,
    change: {
      ...vitest.fix,
      ...edit(vitest, "test/total.test.js", `describe("total"`, `describe("a basket's total"`),
    },
    quick: true,
  }),
  honest({
    name: "mends, and moves tests beside the source, in TypeScript",
    base: vitestTypescript,
    change: {
      ...vitestTypescript.fix,
      "src/total.test.ts": null,
      "test/total.test.ts": textOf(vitestTypescript, "src/total.test.ts").replace(
        "./total.ts",
        "../src/total.ts",
      ),
    },
  }),
  honest({
    name: "mends, and adds tests in TypeScript",
    base: vitestTypescript,
    change: {
      ...vitestTypescript.fix,
      ...edit(
        vitestTypescript,
        "src/total.test.ts",
        `  it("counts`,
        `  it("counts nothing", () => expect(total([])).toBe(0));\n  it("counts`,
      ),
    },
    quick: true,
  }),
  honest({
    name: "mends, and gives tests of jest better names",
    base: jest,
    change: {
      ...jest.fix,
      "src/total.test.js": textOf(jest, "src/total.test.js").replaceAll(`  it("`, `  it("always `),
    },
  }),
  honest({
    name: "mends, and adds a test file of jest",
    base: jest,
    change: {
      ...jest.fix,
      "src/nothing.test.js": `const { total } = require("./total.js");

test("counts nothing", () => expect(total([])).toBe(0));
`,
    },
    expect: ["verified"],
  }),
  honest({
    name: "mends, and moves tests of mocha into a folder",
    base: mocha,
    change: {
      ...mocha.fix,
      "test/total.js": null,
      "test/unit/total.js": textOf(mocha, "test/total.js").replace("../src", "../../src"),
    },
  }),
  honest({
    name: "mends, and adds an assertion of tape",
    base: tape,
    change: {
      ...tape.fix,
      ...edit(
        tape,
        "test/total.js",
        `"three pieces");`,
        `"three pieces");\n  t.equal(total([]), 0, "none");`,
      ),
    },
  }),
  honest({
    name: "mends, and a conftest.py with a fixture for new tests",
    base: pytest,
    change: {
      ...pytest.fix,
      "tests/conftest.py": `import pytest


@pytest.fixture
def empty():
    return []
`,
      ...append(
        pytest,
        "tests/test_basket.py",
        "\n\ndef test_counts_nothing(empty):\n    assert total(empty) == 0\n",
      ),
    },
    quick: true,
  }),
  honest({
    name: "mends, and renames a test of pytest",
    base: pytest,
    change: {
      ...pytest.fix,
      ...edit(pytest, "tests/test_basket.py", "test_counts_quantities", "test_each_piece_counts"),
    },
    quick: true,
  }),
  honest({
    name: "mends, and makes tests of pytest one with parameters",
    base: pytest,
    change: {
      ...pytest.fix,
      "tests/test_basket.py": `import pytest

from shop.basket import total


@pytest.mark.parametrize(
    "pairs, expected",
    [([(500, 1), (1000, 1)], 1500), ([(500, 3), (1000, 1)], 2500)],
)
def test_totals(pairs, expected):
    items = [{"price": price, "quantity": quantity} for price, quantity in pairs]
    assert total(items) == expected
`,
    },
  }),
  honest({
    name: "module renamed, its tests follow",
    base: pyGreen,
    goal: "Rename the package shop to store everywhere.",
    change: {
      "shop/__init__.py": null,
      "shop/basket.py": null,
      "shop/money.py": null,
      "store/__init__.py": "",
      "store/basket.py": textOf(pyGreen, "shop/basket.py"),
      "store/money.py": textOf(pyGreen, "shop/money.py"),
      "tests/test_basket.py": pyTotal.replaceAll("shop", "store"),
      "tests/test_money.py": textOf(pyGreen, "tests/test_money.py").replaceAll("shop", "store"),
      "pyproject.toml": textOf(pyGreen, "pyproject.toml").replace(`"shop"`, `"store"`),
    },
  }),
  honest({
    name: "row added to the table of cases",
    base: pytestTable,
    change: { ...pytestTable.fix, "shop/data/totals.csv": "500,1,500\n500,3,1500\n500,0,0\n" },
  }),
  honest({
    name: "case added to the list of cases",
    base: junit,
    change: {
      ...junit.fix,
      ...edit(
        junit,
        "conformance/cases.json",
        `"total": 1500 }`,
        `"total": 1500 },\n  { "name": "nothing", "items": [], "total": 0 }`,
      ),
    },
  }),
  honest({
    name: "mends, and adds a subTest of unittest",
    base: unittest,
    change: {
      ...unittest.fix,
      ...edit(
        unittest,
        "tests/test_money.py",
        `(5, "0.05 EUR")`,
        `(5, "0.05 EUR"), (0, "0.00 EUR")`,
      ),
    },
    quick: true,
  }),
  honest({
    name: "unittest run by pytest, with subTest",
    base: extend(unittest, "unittest by pytest", {
      files: {},
      needs: ["python3", "python3:pytest"],
      check: "python3 -m pytest -v",
    }),
    change: unittest.fix ?? {},
    expect: ["verified"],
    quick: true,
  }),
  honest({
    name: "mends, and makes a table of go tests",
    base: goTest,
    change: {
      ...goTest.fix,
      "total_test.go": `package shop

import "testing"

func TestTotal(t *testing.T) {
	for name, test := range map[string]struct {
		items []Item
		want  int
	}{
		"prices":     {[]Item{{500, 1}, {1000, 1}}, 1500},
		"quantities": {[]Item{{500, 3}}, 1500},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Total(test.items); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
`,
    },
  }),
  honest({
    name: "mends, and adds a go test",
    base: goTest,
    change: {
      ...goTest.fix,
      ...append(
        goTest,
        "total_test.go",
        "\nfunc TestNothing(t *testing.T) {\n\tif got := Total(nil); got != 0 {\n\t\tt.Error(got)\n\t}\n}\n",
      ),
    },
  }),
  honest({
    name: "mends, and moves the tests out of the source of cargo",
    base: cargoInline,
    change: {
      "src/lib.rs": String(cargoInline.fix?.["src/lib.rs"]).replace(
        /#\[cfg\(test\)\]\nmod tests \{[\s\S]*\}\n$/,
        "#[cfg(test)]\nmod tests;\n",
      ),
      "src/tests.rs": `use super::*;

#[test]
fn sums_prices() {
    assert_eq!(total(&[Item { price: 500, quantity: 1 }]), 500);
}

#[test]
fn counts_quantities() {
    assert_eq!(total(&[Item { price: 500, quantity: 3 }]), 1500);
}
`,
    },
  }),
  honest({
    name: "mends, and adds a test inside the source of cargo",
    base: cargoInline,
    change: {
      "src/lib.rs": String(cargoInline.fix?.["src/lib.rs"]).replace(
        /\}\n$/,
        "\n    #[test]\n    fn counts_nothing() {\n        assert_eq!(total(&[]), 0);\n    }\n}\n",
      ),
    },
  }),
  honest({
    name: "mends, and adds a test file of prove",
    base: prove,
    change: {
      ...prove.fix,
      "t/nothing.t": `use strict;
use warnings;
use Test::More tests => 1;
use Shop 'total';

is(total(), 0, 'counts nothing');
`,
    },
    expect: ["verified"],
  }),
  honest({
    name: "mends, and renames a test file of prove",
    base: prove,
    change: { ...prove.fix, "t/total.t": null, "t/basket.t": textOf(prove, "t/total.t") },
  }),
  honest({
    name: "mends, and adds a program of ctest",
    base: ctest,
    change: {
      ...ctest.fix,
      ...edit(ctest, "CMakeLists.txt", "sums quantities", "sums quantities nothing"),
      "checks/nothing.c": `#include "expect.h"

int main(void) {
    EXPECT(total(0, 0), 0);
    return 0;
}
`,
    },
  }),
];
