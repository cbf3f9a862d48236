import { describe, expect, test } from "vitest";
import { sidesOfTexts as sides } from "./sides-of-texts.ts";

const head = `import test from "node:test";
import assert from "node:assert/strict";
import { total, mean } from "../src/total.js";
`;
const js = `${head}
test("adds", () => {
  assert.equal(total([2, 3]), 5);
  assert.deepEqual(total([]), 0);
});

test("means", () => {
  assert.equal(mean([2, 4]), 3);
});
`;
const python = `import pytest
from shelf.total import total


def test_adds():
    assert total([2, 3]) == 5


@pytest.mark.parametrize("given, expected", [([1], 1), ([2], 2)])
def test_each(given, expected):
    assert total(given) == expected


class TestMore:
    def test_empty(self):
        assert total([]) == 0
`;
const go = `package total

import "testing"

func TestAdds(t *testing.T) {
	for _, c := range []struct{ in []int; want int }{
		{[]int{2, 3}, 5},
		{[]int{}, 0},
	} {
		if got := Total(c.in); got != c.want {
			t.Errorf("got %d, want %d", got, c.want)
		}
	}
}
`;
const suite = `import { describe, it, expect } from "vitest";
import { total } from "../src/total";

describe("total", () => {
  it("adds", () => {
    expect(total([2, 3])).toBe(5);
    expect(total([0.1, 0.2])).toBeCloseTo(0.3, 5);
  });

  it("is empty", () => {
    expect(total([])).toEqual(0);
  });
});
`;
const ruby = `require "minitest/autorun"
require_relative "../lib/total"

class TotalTest < Minitest::Test
  def test_adds
    assert_equal 5, total([2, 3])
  end

  def test_empty
    assert_equal 0, total([])
  end
end
`;

describe("edits of tests that nobody has to accept", () => {
  type Row = [what: string, path: string, before: string, now: string];
  const rows: Row[] = [
    ["a comment", "test/a.test.js", js, js.replace('test("adds"', '// sums\ntest("adds"')],
    [
      "layout and quotes",
      "test/a.test.js",
      js,
      js.replace(/ {2}assert/g, "    assert").replaceAll('"adds"', "'adds'"),
    ],
    ["a better name", "test/a.test.js", js, js.replace('"adds"', '"adds all numbers"')],
    [
      "a test at the end",
      "test/a.test.js",
      js,
      `${js}\ntest("more", () => {\n  assert.equal(total([1]), 1);\n});\n`,
    ],
    [
      "a test in the middle",
      "test/a.test.js",
      js,
      js.replace(
        'test("means"',
        'test("one", () => {\n  assert.equal(total([1]), 1);\n});\n\ntest("means"',
      ),
    ],
    [
      "an assertion more",
      "test/a.test.js",
      js,
      js.replace("  assert.deepEqual", "  assert.equal(total([1]), 1);\n  assert.deepEqual"),
    ],
    [
      "an import for a new test",
      "test/a.test.js",
      js,
      `${js.replace("total, mean }", "total, mean, most }")}\ntest("most", () => {\n  assert.equal(most([1]), 1);\n});\n`,
    ],
    [
      "a helper for a new test",
      "test/a.test.js",
      js,
      `${js}\nconst make = () => [1];\n\ntest("more", () => {\n  assert.equal(total(make()), 1);\n});\n`,
    ],
    [
      "a local name",
      "test/a.test.js",
      js.replace("assert.equal(mean([2, 4]), 3)", "const m = mean([2, 4]);\n  assert.equal(m, 3)"),
      js.replace(
        "assert.equal(mean([2, 4]), 3)",
        "const result = mean([2, 4]);\n  assert.equal(result, 3)",
      ),
    ],
    [
      "grouped in a suite",
      "test/a.test.js",
      js.replace("import test from", "import test, { describe } from"),
      js
        .replace("import test from", "import test, { describe } from")
        .replace('test("adds"', 'describe("total", () => {\ntest("adds"')
        .replace(/$/, "});\n"),
    ],
    [
      "pytest: a test more",
      "tests/test_a.py",
      python,
      `${python}\n    def test_one(self):\n        assert total([1]) == 1\n`,
    ],
    [
      "pytest: a parameter more",
      "tests/test_a.py",
      python,
      python.replace("([2], 2)]", "([2], 2), ([3], 3)]"),
    ],
    [
      "pytest: a better name",
      "tests/test_a.py",
      python,
      python.replace("test_adds", "test_adds_numbers"),
    ],
    [
      "pytest: indentation",
      "tests/test_a.py",
      python,
      python
        .replace(/^ {4}/gm, "  ")
        .replace(/^ {4,}def/gm, "  def")
        .replace(/^ {4,}assert total\(\[\]\)/gm, "    assert total([])"),
    ],
    [
      "go: a row more",
      "total_test.go",
      go,
      go.replace("\t\t{[]int{}, 0},", "\t\t{[]int{}, 0},\n\t\t{[]int{1}, 1},"),
    ],
    [
      "go: a test more",
      "total_test.go",
      go,
      `${go}\nfunc TestOne(t *testing.T) {\n\tif Total([]int{1}) != 1 {\n\t\tt.Fatal("no")\n\t}\n}\n`,
    ],
    [
      "vitest: a test in a suite",
      "test/a.test.ts",
      suite,
      suite.replace(
        '  it("is empty"',
        '  it("one", () => {\n    expect(total([1])).toBe(1);\n  });\n\n  it("is empty"',
      ),
    ],
    [
      "vitest: a suite more",
      "test/a.test.ts",
      suite,
      `${suite}\ndescribe("more", () => {\n  beforeEach(() => {});\n  it("one", () => {\n    expect(total([1])).toBe(1);\n  });\n});\n`,
    ],
    [
      "ruby: a test more",
      "test/total_test.rb",
      ruby,
      ruby.replace(
        "  def test_empty",
        "  def test_one\n    assert_equal 1, total([1])\n  end\n\n  def test_empty",
      ),
    ],
  ];
  test.each(rows)("%s", (_what, path, before, now) => {
    const file = sides({ [path]: before }, { [path]: now }).get(path);
    expect(file).toMatchObject({
      side: "judge",
      kind: "test",
      needsAcceptance: false,
      weaker: null,
    });
  });
});

describe("edits of tests that are shown to be weaker", () => {
  type Row = [what: string, path: string, before: string, now: string, says: RegExp];
  const rows: Row[] = [
    [
      "an assertion gone",
      "test/a.test.js",
      js,
      js.replace("  assert.equal(total([2, 3]), 5);\n", ""),
      /assertion is gone.*total\(\[2, 3\]\)/,
    ],
    [
      "all gone",
      "test/a.test.js",
      js,
      js.replace("  assert.equal(mean([2, 4]), 3);\n", ""),
      /gone.*mean/,
    ],
    [
      "ok instead of equal",
      "test/a.test.js",
      js,
      js.replace("assert.equal(total([2, 3]), 5)", "assert.ok(total([2, 3]))"),
      /asks for less/,
    ],
    [
      "computed",
      "test/a.test.js",
      js,
      js.replace("total([2, 3]), 5", "total([2, 3]), total([2, 3])"),
      /computed/,
    ],
    [
      "skip",
      "test/a.test.js",
      js,
      js.replace('test("adds"', 'test.skip("adds"'),
      /switched off.*test\.skip/,
    ],
    [
      "skip as an option",
      "test/a.test.js",
      js,
      js.replace('"adds", ()', '"adds", { skip: true }, ()'),
      /switched off/,
    ],
    ["only", "test/a.test.js", js, js.replace('test("means"', 'test.only("means"'), /switched off/],
    [
      "if false",
      "test/a.test.js",
      js,
      js.replace("  assert.equal(mean", "  if (false) assert.equal(mean"),
      /never runs/,
    ],
    [
      "if not true",
      "test/a.test.js",
      js,
      js.replace("  assert.equal(mean", "  if (!true) assert.equal(mean"),
      /never runs/,
    ],
    [
      "an early return",
      "test/a.test.js",
      js,
      js.replace("  assert.equal(mean", "  return;\n  assert.equal(mean"),
      /ends before/,
    ],
    [
      "try",
      "test/a.test.js",
      js,
      js.replace(
        "  assert.equal(mean([2, 4]), 3);",
        "  try { assert.equal(mean([2, 4]), 3); } catch {}",
      ),
      /caught/,
    ],
    [
      "a test gone",
      "test/a.test.js",
      js,
      js.slice(0, js.indexOf('test("means"')),
      /`means` is gone/,
    ],
    [
      "a commented test",
      "test/a.test.js",
      js,
      js.replace(/test\("means"[\s\S]*$/, (text) => `/*\n${text}*/\n`),
      /`means` is gone/,
    ],
    [
      "pytest: == to <=",
      "tests/test_a.py",
      python,
      python.replace("== 5", "<= 5"),
      /asks for less/,
    ],
    [
      "pytest: xfail",
      "tests/test_a.py",
      python,
      python.replace("def test_adds", "@pytest.mark.xfail\ndef test_adds"),
      /switched off/,
    ],
    [
      "pytest: is not None",
      "tests/test_a.py",
      python,
      python.replace("total([2, 3]) == 5", "total([2, 3]) is not None"),
      /asks for less/,
    ],
    [
      "pytest: approx raised",
      "tests/test_a.py",
      python.replace("== 5", "== pytest.approx(5, abs=0.1)"),
      python.replace("== 5", "== pytest.approx(5, abs=3)"),
      /tolerates more/,
    ],
    [
      "pytest: return",
      "tests/test_a.py",
      python,
      python.replace("    assert total([2, 3])", "    return\n    assert total([2, 3])"),
      /ends before/,
    ],
    [
      "pytest: suppress",
      "tests/test_a.py",
      python,
      python.replace(
        "    assert total([2, 3])",
        "    with contextlib.suppress(AssertionError):\n        assert total([2, 3])",
      ),
      /may be caught/,
    ],
    [
      "go: t.Skip",
      "total_test.go",
      go,
      go.replace("\tfor _", "\tt.Skip()\n\tfor _"),
      /switched off/,
    ],
    [
      "go: no check",
      "total_test.go",
      go,
      go.replace(/\t\tif got[\s\S]*?\n\t\t\}\n/, "\t\t_ = Total(c.in)\n"),
      /assertion is gone/,
    ],
    [
      "vitest: toBeDefined",
      "test/a.test.ts",
      suite,
      suite.replace("toBe(5)", "toBeDefined()"),
      /asks for less/,
    ],
    [
      "vitest: closer",
      "test/a.test.ts",
      suite,
      suite.replace("0.3, 5", "0.3, 0"),
      /tolerates more/,
    ],
    [
      "vitest: describe.skip",
      "test/a.test.ts",
      suite,
      suite.replace('describe("total"', 'describe.skip("total"'),
      /switched off/,
    ],
    [
      "vitest: not",
      "test/a.test.ts",
      suite,
      suite.replace("expect(total([])).toEqual(0)", "expect(total([])).not.toEqual(1)"),
      /asks for less/,
    ],
    [
      "vitest: a hook that ends it",
      "test/a.test.ts",
      suite,
      suite.replace('  it("adds"', '  afterAll(() => process.exit(0));\n  it("adds"'),
      /ends the run/,
    ],
    [
      "ruby: a test gone",
      "test/total_test.rb",
      ruby,
      ruby.replace(/ {2}def test_empty[\s\S]*?\n {2}end\n/, ""),
      /test_empty` is gone/,
    ],
    [
      "ruby: skip",
      "test/total_test.rb",
      ruby,
      ruby.replace("  def test_empty\n", "  def test_empty\n    skip 'later'\n"),
      /switched off|asks for less|gone/,
    ],
  ];
  test.each(rows)("%s", (_what, path, before, now, says) => {
    const file = sides(
      { [path]: before, "src/total.js": "export function total() {}\n" },
      { [path]: now, "src/total.js": "export function total() { return 5; }\n" },
    ).get(path);
    expect(file).toMatchObject({ side: "judge", kind: "test", needsAcceptance: true });
    expect(file?.weaker ?? "").toMatch(says);
  });
});

describe("edits of tests that somebody has to accept and that are not weaker", () => {
  type Row = [what: string, path: string, before: string, now: string];
  const rows: Row[] = [
    ["another expected value", "test/a.test.js", js, js.replace("[2, 3]), 5", "[2, 3]), -1")],
    [
      "an assertion is drawn into a function",
      "test/a.test.js",
      js,
      js
        .replace("assert.equal(total([2, 3]), 5);", "expectTotal([2, 3], 5);")
        .concat(
          "function expectTotal(items, wanted) {\n  assert.equal(total(items), wanted);\n}\n",
        ),
    ],
    [
      "tests of go become a table",
      "total_test.go",
      `package total

import "testing"

func TestSums(t *testing.T) {
	if got := Total([]int{2, 3}); got != 5 {
		t.Errorf("got %d, want 5", got)
	}
}
`,
      go.replace("TestAdds", "TestTotal"),
    ],
    [
      "tests with a helper become one with parameters",
      "tests/test_basket.py",
      `def item(price):
    return {"price": price}


def test_sums():
    assert total([item(500), item(1000)]) == 1500


def test_one():
    assert total([item(3)]) == 3
`,
      `import pytest


@pytest.mark.parametrize("prices, expected", [((500, 1000), 1500), ((3,), 3)])
def test_totals(prices, expected):
    assert total([{"price": price} for price in prices]) == expected
`,
    ],
    ["another import", "test/a.test.js", js, js.replace("../src/total.js", "./fake.js")],
    [
      "another assertion library",
      "test/a.test.js",
      js,
      js.replace("node:assert/strict", "../src/assert.js"),
    ],
    [
      "a mock",
      "test/a.test.ts",
      suite,
      suite.replace(
        "\ndescribe(",
        '\nvi.mock("../src/total", () => ({ total: () => 5 }));\ndescribe(',
      ),
    ],
    [
      "the subject declared in the test",
      "test/a.test.js",
      js,
      js
        .replace("total, mean }", "mean }")
        .replace('test("adds"', 'const total = (a) => 5;\ntest("adds"'),
    ],
    ["pytest: another value", "tests/test_a.py", python, python.replace("== 5", "== -1")],
    [
      "pytest: an autouse fixture",
      "tests/test_a.py",
      python,
      python.replace(
        "def test_adds",
        "@pytest.fixture(autouse=True)\ndef patch(monkeypatch):\n    monkeypatch.setattr('shelf.total.total', lambda a: 5)\n\n\ndef test_adds",
      ),
    ],
    ["go: another value", "total_test.go", go, go.replace("2, 3}, 5", "2, 3}, 6")],
  ];
  test.each(rows)("%s", (_what, path, before, now) => {
    const file = sides({ [path]: before }, { [path]: now }).get(path);
    expect(file).toMatchObject({
      side: "judge",
      kind: "test",
      needsAcceptance: true,
      weaker: null,
    });
  });
});

test("a wanted text is no path that follows the source, though the source's new text has its words", () => {
  const wants = (unit: string) =>
    `${head}test("writes", () => {\n  assert.equal(write(1250), "12.50 ${unit}");\n});\n`;
  const source = (unit: string) => `export const write = (n) => \`\${n / 100} ${unit}\`;\n`;
  const file = sides(
    { "test/a.test.js": wants("EUR"), "src/write.js": source("EUR") },
    { "test/a.test.js": wants("CHF"), "src/write.js": source("CHF") },
  ).get("test/a.test.js");
  expect(file).toMatchObject({ needsAcceptance: true, weaker: null });
});
