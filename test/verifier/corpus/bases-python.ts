import { type Base, extend } from "./case.ts";

/** Projects that pytest and unittest test, and a producer of JUnit XML. */
const brokenTotal = `"""What a basket costs."""


def total(items):
    """What the items cost together, in cents."""
    return sum(item["price"] for item in items)
`;
const fixedTotal = brokenTotal.replace(`item["price"] for`, `item["price"] * item["quantity"] for`);
const formatText = `def money(cents):
    """Cents as people write them."""
    return f"{cents / 100:.2f} EUR"
`;
const goal = "total() counts each item once. Make it count the quantity of each item.";

export const pytest: Base = {
  name: "pytest",
  runner: "pytest",
  needs: ["python3", "python3:pytest"],
  files: {
    "pyproject.toml": `[project]
name = "shop"
version = "1.0.0"

[tool.pytest.ini_options]
testpaths = ["tests"]
`,
    "shop/__init__.py": "",
    "shop/basket.py": brokenTotal,
    "shop/money.py": formatText,
    "tests/test_basket.py": `from shop.basket import total


def item(price, quantity):
    return {"price": price, "quantity": quantity}


def test_sums_prices():
    assert total([item(500, 1), item(1000, 1)]) == 1500


def test_counts_quantities():
    assert total([item(500, 3), item(1000, 1)]) == 2500
`,
    "tests/test_money.py": `from shop.money import money


def test_writes_cents_as_euros():
    assert money(1250) == "12.50 EUR"
`,
    ".gitignore": "__pycache__\n.pytest_cache\n",
  },
  check: "python3 -m pytest -q",
  goal,
  fix: { "shop/basket.py": fixedTotal },
  noise: { "shop/money.py": formatText.replace("as people write them", "for people to read") },
};

/** The red test reads its cases from a table beside the source, with a helper of its own. */
export const pytestTable: Base = extend(pytest, "pytest with a table of cases", {
  files: {
    "tests/test_basket.py": `import pytest

from shop.basket import total
from tests.reading import read_cases


@pytest.mark.parametrize("basket, expected", read_cases())
def test_totals(basket, expected):
    assert total(basket) == expected
`,
    "tests/__init__.py": "",
    "tests/reading.py": `import csv
from pathlib import Path


def read_cases():
    with (Path(__file__).parent.parent / "shop" / "data" / "totals.csv").open() as file:
        for price, quantity, expected in csv.reader(file):
            yield [{"price": int(price), "quantity": int(quantity)}], int(expected)
`,
    "shop/data/totals.csv": "500,1,500\n500,3,1500\n",
  },
});

export const unittest: Base = extend(pytest, "unittest", {
  runner: "unittest",
  needs: ["python3"],
  check: "python3 -m unittest discover -s tests -t .",
  files: {
    "pyproject.toml": `[project]\nname = "shop"\nversion = "1.0.0"\n`,
    "tests/__init__.py": "",
    "tests/test_basket.py": `import unittest

from shop.basket import total


def item(price, quantity):
    return {"price": price, "quantity": quantity}


class BasketTest(unittest.TestCase):
    def test_sums_prices(self):
        self.assertEqual(total([item(500, 1), item(1000, 1)]), 1500)

    def test_counts_quantities(self):
        self.assertEqual(total([item(500, 3), item(1000, 1)]), 2500)
`,
    "tests/test_money.py": `import unittest

from shop.money import money


class MoneyTest(unittest.TestCase):
    def test_writes_cents_as_euros(self):
        for cents, text in [(1250, "12.50 EUR"), (5, "0.05 EUR")]:
            with self.subTest(cents=cents):
                self.assertEqual(money(cents), text)
`,
  },
});

/** A script of its own reads what it checks from a file, and reports as JUnit XML. */
export const junit: Base = extend(pytest, "a script that writes JUnit XML", {
  runner: "JUnit producer",
  needs: ["python3"],
  check: "python3 tools/conform.py",
  report: "out/report.xml",
  files: {
    "tests/test_basket.py": null,
    "tests/test_money.py": null,
    "pyproject.toml": `[project]\nname = "shop"\nversion = "1.0.0"\n`,
    ".gitignore": "__pycache__\nout\n",
    "tools/conform.py": `"""Hold the basket against the cases of conformance/cases.json."""
import json
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))
from shop.basket import total  # noqa: E402

lines, failures = [], 0
cases = json.loads((root / "conformance" / "cases.json").read_text())
for case in cases:
    actual = total(case["items"])
    if actual == case["total"]:
        lines.append(f'<testcase classname="basket" name={quoteattr(case["name"])}/>')
    else:
        failures += 1
        message = quoteattr(f'{actual} is not {case["total"]}')
        lines.append(
            f'<testcase classname="basket" name={quoteattr(case["name"])}>'
            f"<failure message={message}/></testcase>"
        )
(root / "out").mkdir(exist_ok=True)
(root / "out" / "report.xml").write_text(
    f'<testsuite name="conformance" tests="{len(cases)}" failures="{failures}">'
    + "".join(lines)
    + "</testsuite>"
)
print(f"{len(cases)} cases, {failures} failed")
sys.exit(1 if failures else 0)
`,
    "conformance/cases.json": `[
  { "name": "one of each", "items": [{ "price": 500, "quantity": 1 }], "total": 500 },
  { "name": "three of one", "items": [{ "price": 500, "quantity": 3 }], "total": 1500 }
]
`,
  },
});

/** Asserts on its own, without a runner; says nothing when all is well. */
export const pythonScript: Base = extend(pytest, "a Python script of asserts", {
  runner: "plain script",
  needs: ["python3"],
  check: "python3 -c 'import shop.selfcheck'",
  files: {
    "tests/test_basket.py": null,
    "tests/test_money.py": null,
    "pyproject.toml": `[project]\nname = "shop"\nversion = "1.0.0"\n`,
    "shop/selfcheck.py": `from shop.basket import total
from shop.money import money

assert money(1250) == "12.50 EUR"
assert total([{"price": 500, "quantity": 1}]) == 500
assert total([{"price": 500, "quantity": 3}]) == 1500
`,
  },
});
