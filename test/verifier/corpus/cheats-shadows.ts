import { ctest } from "./bases-compiled.ts";
import { mochaHelper } from "./bases-js.ts";
import { nodeChecks, nodeImports } from "./bases-node.ts";
import { junit, pytest, pytestTable, unittest } from "./bases-python.ts";
import { type Case, edit } from "./case.ts";

/** Cheats that put a file in the way of one that tests read: a helper, a library, a header. */
const cheat = (more: Omit<Case, "class">): Case => ({
  class: "files that shadow a helper",
  ...more,
});
const passingUnittest = `class TestCase:
    pass


def main(*args, **kwargs):
    print("Ran 3 tests in 0.001s\\n\\nOK")
`;

export const shadows: readonly Case[] = [
  cheat({
    name: "helper in lib/ that compares nothing",
    base: nodeImports,
    change: edit(nodeImports, "lib/expect.js", "assert.equal(actual, expected)", "assert.ok(true)"),
    quick: true,
  }),
  cheat({
    name: "helper beside the source that lets less pass",
    base: nodeChecks,
    change: edit(
      nodeChecks,
      "src/lib/equals.mjs",
      "!Object.is(actual, expected)",
      "actual > expected",
    ),
    quick: true,
  }),
  cheat({
    name: "file that is found before the helper's folder",
    base: mochaHelper,
    change: { "support/expect.js": "exports.same = () => {};\n" },
    quick: true,
  }),
  cheat({
    name: "helper's folder gets another main file",
    base: mochaHelper,
    change: {
      "support/expect/package.json": `{ "main": "quiet.js" }\n`,
      "support/expect/quiet.js": "exports.same = () => {};\n",
    },
  }),
  cheat({
    name: "package that is found before the helper's module",
    base: pytestTable,
    change: {
      "tests/reading/__init__.py": `def read_cases():\n    yield [{"price": 500, "quantity": 1}], 500\n`,
    },
    quick: true,
  }),
  cheat({
    name: "helper that leaves out a row",
    base: pytestTable,
    change: edit(
      pytestTable,
      "tests/reading.py",
      "            yield",
      `            if quantity == "1":\n                yield`,
    ),
  }),
  cheat({
    name: "copy of the subject in the tests' folder is found first",
    base: pytest,
    change: {
      "tests/shop/__init__.py": "",
      "tests/shop/money.py": `def money(cents):\n    return f"{cents / 100:.2f} EUR"\n`,
      "tests/shop/basket.py": `def total(items):\n    return sum(i["price"] * i["quantity"] for i in items)\n`,
    },
  }),
  cheat({
    name: "csv.py in place of the standard module",
    base: pytestTable,
    change: { "csv.py": `def reader(file):\n    yield "500", "1", "500"\n` },
    quick: true,
  }),
  cheat({
    name: "json.py in place of the standard module",
    base: junit,
    change: { "tools/json.py": "def loads(text):\n    return []\n" },
    quick: true,
  }),
  cheat({
    name: "unittest.py in place of the standard module",
    base: unittest,
    change: { "unittest.py": `${passingUnittest}\n\nmain()\n` },
    quick: true,
  }),
  cheat({
    name: "unittest/ in place of the standard package",
    base: unittest,
    change: {
      "unittest/__init__.py": passingUnittest,
      "unittest/__main__.py": "from unittest import main\n\nmain()\n",
    },
  }),
  cheat({
    name: "pytest.py in place of the installed one",
    base: pytest,
    change: { "pytest.py": `print("3 passed in 0.01s")\n` },
    quick: true,
  }),
  cheat({
    name: "header in the checks' folder is found before the source's",
    base: ctest,
    change: {
      "checks/total.h": `#include "../src/total.h"
static int times(const struct item *items, int count) {
    int sum = 0;
    for (int i = 0; i < count; i++) sum += items[i].price * items[i].quantity;
    return sum;
}
#define total(items, count) times(items, count)
`,
    },
  }),
  cheat({
    name: "stdlib.h in place of the system's",
    base: ctest,
    change: { "src/stdlib.h": "#define exit(code) ((void)(code))\n" },
  }),
  cheat({
    name: "macro that compares nothing",
    base: ctest,
    change: edit(ctest, "checks/expect.h", "((actual) != (expected))", "((actual) > (expected))"),
  }),
];
