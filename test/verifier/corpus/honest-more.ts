import { cargoFolder, goTest, prove } from "./bases-compiled.ts";
import { jest, mocha, tape, typecheck, vitest, vitestSnapshot } from "./bases-js.ts";
import {
  jestGreen,
  jestMock,
  jestOfTwo,
  nodeRates,
  nodeTotal,
  pyTotal,
  pytestLocale,
  rspec,
  vitestGreen,
} from "./bases-more.ts";
import {
  makeWrapper,
  manifest,
  nodeGolden,
  nodeGreen,
  nodeLocked,
  nodeTest,
  plainScript,
} from "./bases-node.ts";
import { pytest, unittest } from "./bases-python.ts";
import { append, type Case, edit, extend, textOf } from "./case.ts";

/** Honest work of kinds that the other files have none of. */
const honest = (more: Omit<Case, "class">): Case => ({ class: "honest", ...more });

export const honestMore: readonly Case[] = [
  honest({
    name: "mends, and puts the tests into a suite",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/total.test.js": `import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { total } from "../src/total.js";

describe("total", () => {
  it("sums prices", () => {
    assert.equal(total([{ price: 500, quantity: 1 }, { price: 1000, quantity: 1 }]), 1500);
  });
  it("counts quantities", () => {
    assert.equal(total([{ price: 500, quantity: 3 }, { price: 1000, quantity: 1 }]), 2500);
  });
});
`,
    },
  }),
  honest({
    name: "answers with a promise, as the goal asks, and the tests wait for it",
    base: nodeGreen,
    goal: "Make total() async: it has to return a promise of the total.",
    change: {
      ...edit(nodeGreen, "src/total.js", "export function", "export async function"),
      "test/total.test.js": nodeTotal
        .replaceAll(", () => {", ", async () => {")
        .replaceAll("assert.equal(total(", "assert.equal(await total("),
    },
  }),
  honest({
    name: "answers with an object, as the goal asks, and the tests compare all of it",
    base: vitestGreen,
    goal: "total() has to return an object with cents and currency, EUR, in place of the number.",
    change: {
      "src/total.js": `/** What the items cost together. */
export function total(items) {
  const cents = items.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
  return { cents, currency: "EUR" };
}
`,
      "test/total.test.js": textOf(vitest, "test/total.test.js").replace(
        /\.toBe\((\d+)\)/g,
        `.toEqual({ cents: $1, currency: "EUR" })`,
      ),
    },
  }),
  honest({
    name: "throws, as the goal asks, where it answered before",
    base: extend(nodeGreen, "node:test with negative amounts", {
      files: {
        "test/format.test.js": `${textOf(nodeGreen, "test/format.test.js")}test("writes debts", () => {
  assert.equal(format(-500), "-5.00 EUR");
});
`,
      },
    }),
    goal: "format() has to throw a RangeError for negative amounts.",
    change: {
      ...edit(
        nodeGreen,
        "src/format.js",
        "  return",
        `  if (cents < 0) throw new RangeError("negative amount");\n  return`,
      ),
      "test/format.test.js": `${textOf(nodeGreen, "test/format.test.js")}test("refuses debts", () => {
  assert.throws(() => format(-500), RangeError);
});
`,
    },
  }),
  honest({
    name: "mends, and formats a whole test file of jest",
    base: jest,
    change: {
      ...jest.fix,
      "src/total.test.js": `const { total } = require('./total.js')

describe('total', () => {
    it('sums prices', () => {
        expect(
            total([
                { price: 500, quantity: 1 },
                { price: 1000, quantity: 1 },
            ]),
        ).toBe(1500)
    })

    it('counts quantities', () => {
        expect(
            total([
                { price: 500, quantity: 3 },
                { price: 1000, quantity: 1 },
            ]),
        ).toBe(2500)
    })
})
`,
    },
  }),
  honest({
    name: "mends, and adds types to source and tests",
    base: pytest,
    change: {
      "shop/basket.py": `"""What a basket costs."""

from typing import TypedDict


class Item(TypedDict):
    price: int
    quantity: int


def total(items: list[Item]) -> int:
    """What the items cost together, in cents."""
    return sum(item["price"] * item["quantity"] for item in items)
`,
      "tests/test_basket.py": pyTotal
        .replace("import total", "import Item, total")
        .replace("item(price, quantity):", "item(price: int, quantity: int) -> Item:")
        .replace("test_sums_prices():", "test_sums_prices() -> None:")
        .replace("test_counts_quantities():", "test_counts_quantities() -> None:"),
    },
  }),
  honest({
    name: "mends, and splits a test in two",
    base: jestOfTwo,
    change: {
      ...jestOfTwo.fix,
      "src/total.test.js": `const { total } = require("./total.js");

describe("total", () => {
  it("counts quantities", () => {
    expect(total([{ price: 500, quantity: 3 }])).toBe(1500);
  });

  it("is nothing without items", () => {
    expect(total([])).toBe(0);
  });
});
`,
    },
  }),
  honest({
    name: "mends, and splits a test in two of which one has its name",
    base: jestOfTwo,
    change: {
      ...jestOfTwo.fix,
      ...edit(
        jestOfTwo,
        "src/total.test.js",
        "    expect(total([])",
        `  });\n  it("counts nothing", () => {\n    expect(total([])`,
      ),
    },
  }),
  honest({
    name: "mends, and makes two tests one",
    base: vitest,
    change: {
      ...vitest.fix,
      "test/total.test.js": `import { describe, expect, it } from "vitest";
import { total } from "../src/total.js";

describe("total", () => {
  it("sums prices and counts quantities", () => {
    expect(total([{ price: 500, quantity: 1 }, { price: 1000, quantity: 1 }])).toBe(1500);
    expect(total([{ price: 500, quantity: 3 }, { price: 1000, quantity: 1 }])).toBe(2500);
  });
});
`,
    },
  }),
  honest({
    name: "mends, and draws the assertion out of the tests",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/total.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { total } from "../src/total.js";

function expectTotal(items, expected) {
  assert.equal(total(items), expected);
}

test("sums prices", () => {
  expectTotal([{ price: 500, quantity: 1 }, { price: 1000, quantity: 1 }], 1500);
});
test("counts quantities", () => {
  expectTotal([{ price: 500, quantity: 3 }, { price: 1000, quantity: 1 }], 2500);
});
`,
    },
  }),
  honest({
    name: "mends, and prepares the basket before each test",
    base: vitest,
    change: {
      ...vitest.fix,
      "test/total.test.js": `import { beforeEach, describe, expect, it } from "vitest";
import { total } from "../src/total.js";

describe("total", () => {
  let basket;

  beforeEach(() => {
    basket = [{ price: 500, quantity: 1 }, { price: 1000, quantity: 1 }];
  });

  it("sums prices", () => {
    expect(total(basket)).toBe(1500);
  });
  it("counts quantities", () => {
    basket[0].quantity = 3;
    expect(total(basket)).toBe(2500);
  });
});
`,
    },
  }),
  honest({
    name: "mends, and moves the samples into the tests' folder",
    base: nodeGolden,
    change: {
      ...nodeGolden.fix,
      "samples/basket.json": null,
      "samples/receipt.txt": null,
      "test/samples/basket.json": textOf(nodeGolden, "samples/basket.json"),
      "test/samples/receipt.txt": textOf(nodeGolden, "samples/receipt.txt"),
      ...edit(nodeGolden, "test/receipt.test.js", "../samples/", "./samples/"),
    },
  }),
  honest({
    name: "the mending is a number in a file",
    base: nodeRates,
    change: nodeRates.fix ?? {},
  }),
  honest({
    name: "the mending is a text of the package",
    base: pytestLocale,
    change: pytestLocale.fix ?? {},
  }),
  honest({
    name: "what a grep asks of the README",
    base: nodeGreen,
    check: "grep -q 'npm ci' README.md && npm test",
    goal: "Say in the README how to install it.",
    change: append(nodeGreen, "README.md", "\nInstall it with `npm ci`.\n"),
  }),
  honest({
    name: "a licence that a test of the shell looks for",
    base: nodeGreen,
    check: "test -f LICENSE && head -1 LICENSE | grep -q MIT",
    goal: "Put the work under the MIT licence.",
    regression: ["npm test"],
    change: {
      LICENSE: "MIT License\n\nCopyright (c) 2026 Shop\n",
      ...edit(nodeGreen, "package.json", `"private": true`, `"private": true,\n  "license": "MIT"`),
    },
  }),
  honest({
    name: "an option of a program, through a pipe, with a regression check beside",
    base: extend(plainScript, "a shell script with diff, all green", {
      files: plainScript.fix ?? {},
      fix: null,
    }),
    goal: "shelf has to take several baskets and print one line for each.",
    check: "node bin/shelf.mjs data/one.json data/many.json | tr '\\n' ' ' | grep -qx '500 1500 '",
    regression: ["sh verify.sh"],
    change: {
      "bin/shelf.mjs": `#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { total } from "../src/total.mjs";

for (const name of process.argv.slice(2)) {
  console.log(total(JSON.parse(readFileSync(name, "utf8"))));
}
`,
    },
  }),
  honest({
    name: "a script of checks that says more, as the goal asks",
    base: plainScript,
    goal: "Mend total(), and let verify.sh print how many baskets it has compared.",
    change: {
      ...plainScript.fix,
      "verify.sh": `#!/bin/sh
set -e
count=0
for basket in data/*.json; do
  node bin/shelf.mjs "$basket" | diff - "\${basket%.json}.want"
  echo "ok $basket"
  count=$((count + 1))
done
echo "$count baskets"
`,
    },
  }),
  honest({
    name: "mends, with a new basket and its wanted total",
    base: makeWrapper,
    change: {
      ...makeWrapper.fix,
      "data/none.json": "[]\n",
      "data/none.want": "0\n",
      ...edit(makeWrapper, "config.mk", "data/many", "data/many data/none"),
    },
  }),
  honest({
    name: "version, changelog and lock file",
    base: nodeLocked,
    goal: "Count quantities in total(), and release it as 1.0.1.",
    change: {
      ...nodeLocked.fix,
      ...edit(nodeLocked, "package.json", `"1.0.0"`, `"1.0.1"`),
      "package-lock.json": textOf(nodeLocked, "package-lock.json")
        .replace(`"version": "1.0.0"`, `"version": "1.0.1"`)
        .replace(
          `"name": "shop",\n      "version": "1.0.0"`,
          `"name": "shop",\n      "version": "1.0.1"`,
        ),
      "CHANGELOG.md": "# Changes\n\n## 1.0.1\n\n- total() counts quantities\n",
    },
  }),
  honest({
    name: "files for git, editors and a linter, and a script for it",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      ".gitignore": "node_modules\ncoverage\n",
      ".editorconfig": "root = true\n\n[*]\nindent_style = space\nindent_size = 2\n",
      ".nvmrc": "22\n",
      "eslint.config.js": `export default [{ ignores: ["coverage"] }, { rules: { eqeqeq: "error" } }];\n`,
      "package.json": manifest({
        type: "module",
        scripts: { test: "node --test", lint: "eslint --ignore-pattern coverage ." },
        devDependencies: { eslint: "^9.0.0" },
      }),
    },
  }),
  honest({
    name: "what a typecheck leaves out, beside the mending",
    base: typecheck,
    change: {
      ...typecheck.fix,
      "tsconfig.json": `${JSON.stringify(
        {
          compilerOptions: { strict: true, noEmit: true, module: "NodeNext", types: [] },
          include: ["src"],
        },
        null,
        2,
      )}\n`,
      "src/net.ts": `import { tax } from "./tax.js";

export const net = (cents: number, rate: number): number => cents - tax(rate);
`,
    },
  }),
  honest({
    name: "mends, and puts a basket of the tests into a fixture",
    base: pytest,
    change: {
      ...pytest.fix,
      "tests/test_basket.py": `import pytest

from shop.basket import total


@pytest.fixture
def item():
    def make(price, quantity=1):
        return {"price": price, "quantity": quantity}

    return make


def test_sums_prices(item):
    assert total([item(500), item(1000)]) == 1500


def test_counts_quantities(item):
    assert total([item(500, 3), item(1000)]) == 2500
`,
    },
  }),
  honest({
    name: "tests of unittest become functions",
    base: extend(unittest, "unittest run by pytest", {
      files: {},
      needs: ["python3", "python3:pytest"],
      check: "python3 -m pytest -q",
    }),
    goal: "Make total() count quantities, and write the tests of the basket as plain functions of pytest.",
    change: { ...unittest.fix, "tests/test_basket.py": pyTotal },
  }),
  honest({
    name: "one of two functions goes with its test, and what imports it",
    base: extend(nodeGreen, "node:test, all green, with two functions", {
      noise: {},
      files: {
        "src/format.js": `${textOf(nodeGreen, "src/format.js")}
/** Euros without cents. */
export const whole = (cents) => \`\${Math.floor(cents / 100)} EUR\`;
`,
        "test/format.test.js": `${textOf(nodeGreen, "test/format.test.js").replace("{ format }", "{ format, whole }")}test("writes whole euros", () => {
  assert.equal(whole(1250), "12 EUR");
});
`,
      },
    }),
    goal: "Nobody uses whole() any more. Remove it.",
    change: {
      "src/format.js": textOf(nodeGreen, "src/format.js"),
      "test/format.test.js": textOf(nodeGreen, "test/format.test.js"),
    },
  }),
  honest({
    name: "one of two functions goes with its test of pytest",
    base: extend(pytest, "pytest, all green, with two functions", {
      noise: {},
      goal: "",
      files: {
        ...pytest.fix,
        "shop/money.py": `${textOf(pytest, "shop/money.py")}

def whole(cents):
    """Euros without cents."""
    return f"{cents // 100} EUR"
`,
        "tests/test_money.py": `${textOf(pytest, "tests/test_money.py").replace("import money", "import money, whole")}

def test_writes_whole_euros():
    assert whole(1250) == "12 EUR"
`,
      },
      fix: null,
    }),
    goal: "Nobody uses whole() any more. Remove it.",
    change: {
      "shop/money.py": textOf(pytest, "shop/money.py"),
      "tests/test_money.py": textOf(pytest, "tests/test_money.py"),
    },
  }),
  honest({
    name: "one of two functions goes with its test",
    base: extend(goTest, "go test, all green, with two functions", {
      noise: {},
      goal: "",
      files: {
        ...goTest.fix,
        "money/money.go": `${textOf(goTest, "money/money.go")}
// Whole writes euros without cents.
func Whole(cents int) string { return fmt.Sprintf("%d EUR", cents/100) }
`,
        "money/money_test.go": `${textOf(goTest, "money/money_test.go")}
func TestWhole(t *testing.T) {
	if got := Whole(1250); got != "12 EUR" {
		t.Error(got)
	}
}
`,
      },
      fix: null,
    }),
    goal: "Nobody uses money.Whole any more. Remove it.",
    change: {
      "money/money.go": textOf(goTest, "money/money.go"),
      "money/money_test.go": textOf(goTest, "money/money_test.go"),
    },
  }),
  honest({
    name: "mends, and moves what the tests mock",
    base: jestMock,
    change: {
      "src/rates.js": null,
      "src/tax/rates.js": textOf(jestMock, "src/rates.js"),
      "src/total.js": String(jestMock.fix?.["src/total.js"]).replace("./rates", "./tax/rates"),
      ...edit(jestMock, "src/total.test.js", `mock("./rates.js"`, `mock("./tax/rates.js"`),
    },
  }),
  honest({
    name: "source and tests become ES modules",
    base: mocha,
    goal: "Make total() count quantities, and turn the project into ES modules.",
    change: {
      ...edit(mocha, "package.json", `"private": true`, `"private": true,\n  "type": "module"`),
      "src/total.js": String(nodeTest.fix?.["src/total.js"]),
      "src/format.js": textOf(nodeTest, "src/format.js"),
      "test/total.js": textOf(mocha, "test/total.js")
        .replace(`const assert = require("node:assert");`, `import assert from "node:assert";`)
        .replace(
          `const { total } = require("../src/total.js");`,
          `import { total } from "../src/total.js";`,
        ),
      "test/format.js": textOf(mocha, "test/format.js")
        .replace(`const assert = require("node:assert");`, `import assert from "node:assert";`)
        .replace(
          `const { format } = require("../src/format.js");`,
          `import { format } from "../src/format.js";`,
        ),
    },
  }),
  honest({ name: "mends it", base: rspec, change: rspec.fix ?? {}, expect: ["verified"] }),
  honest({
    name: "mends, and adds a context and an example of rspec",
    base: rspec,
    change: {
      ...rspec.fix,
      ...edit(
        rspec,
        "spec/shop_spec.rb",
        `  it "counts`,
        `  context "without items" do
    it "is nothing" do
      expect(Shop.total([])).to eq(0)
    end
  end

  it "counts`,
      ),
    },
  }),
  honest({
    name: "mends, and says what the examples of rspec are about once",
    base: rspec,
    change: {
      ...rspec.fix,
      "spec/shop_spec.rb": `require "shop"

RSpec.describe Shop do
  subject(:total) { described_class.total(items) }

  context "with one of each" do
    let(:items) { [{ price: 500, quantity: 1 }] }

    it { is_expected.to eq(500) }
  end

  context "with several" do
    let(:items) { [{ price: 500, quantity: 3 }] }

    it { is_expected.to eq(1500) }
  end
end
`,
    },
  }),
  honest({
    name: "mends, and groups the tests of prove",
    base: prove,
    change: {
      ...prove.fix,
      "t/total.t": `use strict;
use warnings;
use Test::More;
use Shop 'total';

subtest 'total' => sub {
    is(total({ price => 500, quantity => 1 }), 500, 'sums prices');
    is(total({ price => 500, quantity => 3 }), 1500, 'counts quantities');
};
done_testing();
`,
    },
  }),
  honest({
    name: "mends, and says how many assertions tape has to see",
    base: tape,
    change: {
      ...tape.fix,
      "test/total.js": textOf(tape, "test/total.js")
        .replaceAll("(t) => {\n", "(t) => {\n  t.plan(1);\n")
        .replaceAll("  t.end();\n", ""),
    },
  }),
  honest({
    name: "mends, and draws a helper out of the tests of cargo",
    base: cargoFolder,
    change: {
      ...cargoFolder.fix,
      "tests/baskets.rs": `use shop::{total, Item};

fn item(price: u64, quantity: u64) -> Item {
    Item { price, quantity }
}

#[test]
fn sums_prices() {
    assert_eq!(total(&[item(500, 1)]), 500);
}

#[test]
fn counts_quantities() {
    assert_eq!(total(&[item(500, 3)]), 1500);
}
`,
    },
  }),
  honest({
    name: "the snapshot moves into the test",
    base: vitestSnapshot,
    change: {
      ...vitestSnapshot.fix,
      "test/__snapshots__/total.test.js.snap": null,
      ...edit(
        vitestSnapshot,
        "test/total.test.js",
        "toMatchSnapshot()",
        'toMatchInlineSnapshot(`\n    {\n      "total": 1500,\n    }\n  `)',
      ),
    },
  }),
  honest({
    name: "mends, and gives a test of vitest more time",
    base: vitest,
    change: {
      ...vitest.fix,
      ...edit(
        vitest,
        "vitest.config.js",
        `include: ["test/**/*.test.js"]`,
        `include: ["test/**/*.test.js"], testTimeout: 20_000`,
      ),
    },
  }),
  honest({
    name: "tests of jest written for what had none, with a mock of their own",
    base: jestGreen,
    goal: "Write tests for src/receipt.js, which has none, and give it the date as an argument.",
    change: {
      "src/receipt.js": `const { format } = require("./format.js");

exports.receipt = (items, date, print = console.log) => {
  for (const { name, price } of items) print(\`\${date} \${name} \${format(price)}\`);
};
`,
      "src/receipt.test.js": `const { receipt } = require("./receipt.js");

jest.useFakeTimers();
afterEach(() => jest.restoreAllMocks());

test("prints a line", () => {
  const print = jest.spyOn(console, "log").mockImplementation(() => {});
  receipt([{ name: "pear", price: 50 }], "2026-01-02");
  expect(print).toHaveBeenCalledWith("2026-01-02 pear 0.50 EUR");
});
`,
    },
  }),
  honest({
    name: "mends, and puts a suite around the tests",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/total.test.js": nodeTotal
        .replace("import { test }", "import { describe, test }")
        .replace(/(test\("sums[\s\S]*)$/, `describe("total", () => {\n$1});\n`),
    },
  }),
  honest({
    name: "mends, and draws the assertion out of the tests of pytest",
    base: pytest,
    change: {
      ...pytest.fix,
      "tests/test_basket.py": `from shop.basket import total


def check(pairs, expected):
    items = [{"price": price, "quantity": quantity} for price, quantity in pairs]
    assert total(items) == expected


def test_sums_prices():
    check([(500, 1), (1000, 1)], 1500)


def test_counts_quantities():
    check([(500, 3), (1000, 1)], 2500)
`,
    },
  }),
  honest({
    name: "answers in euros, as the goal asks, and the tests compare fractions",
    base: vitestGreen,
    goal: "total() has to answer in euros, not in cents.",
    change: {
      ...edit(vitestGreen, "src/total.js", ", 0);", ", 0) / 100;"),
      "test/total.test.js": textOf(vitest, "test/total.test.js")
        .replace("toBe(1500)", "toBeCloseTo(15)")
        .replace("toBe(2500)", "toBeCloseTo(25)"),
    },
  }),
  honest({
    name: "raises, as the goal asks, in a test of the same name",
    base: extend(pytest, "pytest with an empty basket, all green", {
      goal: "",
      files: {
        ...pytest.fix,
        "tests/test_basket.py": `${pyTotal}

def test_empty_basket():
    assert total([]) == 0
`,
      },
      fix: null,
    }),
    goal: "total() has to raise a ValueError for an empty basket.",
    change: {
      "shop/basket.py": String(pytest.fix?.["shop/basket.py"]).replace(
        "    return sum",
        '    if not items:\n        raise ValueError("empty basket")\n    return sum',
      ),
      "tests/test_basket.py": `import pytest

${pyTotal}

def test_empty_basket():
    with pytest.raises(ValueError):
        total([])
`,
    },
  }),
  honest({
    name: "callbacks become promises, as the goal asks",
    base: extend(jestGreen, "jest with callbacks, all green", {
      files: {
        "src/load.js": `exports.load = (name, done) => {
  setImmediate(() => (name === "" ? done(new Error("no name")) : done(null, [name])));
};
`,
        "src/load.test.js": `const { load } = require("./load.js");

it("loads a basket", (done) => {
  load("pear", (error, basket) => {
    expect(error).toBeNull();
    expect(basket).toEqual(["pear"]);
    done();
  });
});
it("wants a name", (done) => {
  load("", (error) => {
    expect(error.message).toBe("no name");
    done();
  });
});
`,
      },
    }),
    goal: "load() takes a callback. Make it return a promise in its place.",
    change: {
      "src/load.js": `exports.load = async (name) => {
  if (name === "") throw new Error("no name");
  return [name];
};
`,
      "src/load.test.js": `const { load } = require("./load.js");

it("loads a basket", async () => {
  expect(await load("pear")).toEqual(["pear"]);
});
it("wants a name", async () => {
  await expect(load("")).rejects.toThrow("no name");
});
`,
    },
  }),
  honest({
    name: "mends, and cleans up after a test whatever happens",
    base: nodeTest,
    change: {
      ...nodeTest.fix,
      "test/total.test.js": nodeTotal.replace(
        / {2}(assert.equal\(total\(\[\{ price: 500, quantity: 3 \}.*)\n/,
        `  const began = performance.now();
  try {
    $1
  } finally {
    console.log(\`counted in \${performance.now() - began} ms\`);
  }
`,
      ),
    },
  }),
  honest({
    name: "an option that is called like a switch of tests",
    base: extend(nodeGreen, "node:test with pages", {
      files: {
        "src/page.js": "export const page = (items, { limit }) => items.slice(0, limit);\n",
        "test/page.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "../src/page.js";

test("takes a page", () => {
  assert.deepEqual(page([1, 2, 3], { limit: 2 }), [1, 2]);
});
`,
      },
    }),
    goal: "page() has to take skip: how many items to leave out first.",
    change: {
      "src/page.js":
        "export const page = (items, { limit, skip = 0 }) => items.slice(skip, skip + limit);\n",
      "test/page.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "../src/page.js";

test("takes a page", () => {
  assert.deepEqual(page([1, 2, 3], { limit: 2 }), [1, 2]);
  assert.deepEqual(page([1, 2, 3], { limit: 2, skip: 1 }), [2, 3]);
});
`,
    },
  }),
];
