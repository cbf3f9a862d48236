import { describe, expect, test } from "vitest";
import { sidesOfTexts } from "./sides-of-texts.ts";

const rust = `/// Adds.
///
/// \`\`\`
/// assert_eq!(shelf::total(&[2, 3]), 5);
/// \`\`\`
pub fn total(of: &[i32]) -> i32 {
    of.iter().product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(total(&[2, 3]), 5);
    }
}
`;
const python = `"""Totals."""


def total(of):
    """Add.

    >>> total([2, 3])
    5
    """
    return 0


def test_total():
    assert total([2, 3]) == 5
`;
const js = `export const total = (of) => 0;

if (import.meta.vitest) {
  const { it, expect } = import.meta.vitest;
  it("adds", () => expect(total([2, 3])).toBe(5));
}
`;

describe("source with tests inside", () => {
  test("Rust: the source alone is source", () => {
    const file = sidesOfTexts(
      { "src/lib.rs": rust },
      { "src/lib.rs": rust.replace("product", "sum") },
    ).get("src/lib.rs");
    expect(file).toMatchObject({ side: "source", withOldJudges: "change", withOldSource: "base" });
  });

  test("Rust: another expected value, and the two halves", () => {
    const now = rust
      .replace("product", "sum")
      .replace("        assert_eq!(total(&[2, 3]), 5)", "        assert_eq!(total(&[2, 3]), 6)");
    const file = sidesOfTexts({ "src/lib.rs": rust }, { "src/lib.rs": now }).get("src/lib.rs");
    expect(file).toMatchObject({
      side: "mixed",
      kind: "test",
      needsAcceptance: true,
      weaker: null,
    });
    expect(file?.withOldJudges).toEqual({ text: rust.replace("product", "sum") });
    expect(file?.withOldSource).toEqual({ text: now.replace("sum", "product") });
  });

  test("Rust: a test more", () => {
    const now = rust.replace(
      "    #[test]",
      "    #[test]\n    fn one() {\n        assert_eq!(total(&[1]), 1);\n    }\n\n    #[test]",
    );
    const file = sidesOfTexts({ "src/lib.rs": rust }, { "src/lib.rs": now }).get("src/lib.rs");
    expect(file).toMatchObject({
      side: "mixed",
      needsAcceptance: false,
      withOldJudges: { text: rust },
    });
  });

  test.each([
    ["ignored", rust.replace("    #[test]", "    #[test]\n    #[ignore]"), /switched off/],
    ["gone", rust.replace(/#\[cfg\(test\)\][\s\S]*/, ""), /gone/],
    [
      "an example gone",
      rust.replace("/// assert_eq!(shelf::total(&[2, 3]), 5);\n", ""),
      /example is gone/,
    ],
  ])("Rust: %s", (_what, now, says) => {
    const file = sidesOfTexts({ "src/lib.rs": rust }, { "src/lib.rs": now }).get("src/lib.rs");
    expect(file).toMatchObject({
      side: "mixed",
      needsAcceptance: true,
      withOldJudges: { text: expect.stringContaining("assert_eq!(total(&[2, 3]), 5)") },
    });
    expect(file?.weaker ?? "").toMatch(says);
  });

  test("Python: a doctest and a test function", () => {
    const onlyExamples = python.slice(0, python.indexOf("\n\ndef test_total"));
    const now = onlyExamples.replace("return 0", "return sum(of)").replace("    5\n", "    0\n");
    const file = sidesOfTexts({ "shelf.py": onlyExamples }, { "shelf.py": now }).get("shelf.py");
    expect(file).toMatchObject({ side: "mixed", needsAcceptance: true });
    expect(file?.withOldJudges).toEqual({
      text: onlyExamples.replace("return 0", "return sum(of)"),
    });
    const source = sidesOfTexts(
      { "shelf.py": onlyExamples },
      { "shelf.py": onlyExamples.replace("return 0", "return sum(of)") },
    );
    expect(source.get("shelf.py")?.side).toBe("source");
  });

  test("JavaScript: tests in the source", () => {
    const now = js.replace("=> 0", "=> 4").replace("toBe(5)", "toBe(4)");
    const file = sidesOfTexts({ "src/total.js": js }, { "src/total.js": now }).get("src/total.js");
    expect(file).toMatchObject({ side: "mixed", needsAcceptance: true });
    expect(file?.withOldJudges).toEqual({ text: js.replace("=> 0", "=> 4") });
    expect(file?.withOldSource).toEqual({ text: js.replace("toBe(5)", "toBe(4)") });
  });

  test("a file that is no test by its name and holds nothing else", () => {
    const text = 'import test from "node:test";\ntest("a", () => {});\n';
    const file = sidesOfTexts(
      { "verify/total.js": text },
      { "verify/total.js": `${text}\n// x\n` },
    ).get("verify/total.js");
    expect(file).toMatchObject({ side: "judge", kind: "test" });
  });
});

describe("moves", () => {
  const before = {
    "src/sum.js":
      "export const sum = (of) => of.reduce((a, b) => a + b, 0);\nexport const mean = (of) => sum(of) / of.length;\n",
    "test/sum.test.js":
      'import test from "node:test";\nimport assert from "node:assert";\nimport { sum, mean } from "../src/sum.js";\n\ntest("adds", () => {\n  assert.equal(sum([2, 3]), 5);\n});\n\ntest("means", () => {\n  assert.equal(mean([2, 4]), 3);\n});\n',
  };
  const tests = before["test/sum.test.js"];

  test("a renamed source, function and test", () => {
    const now = {
      "src/total.js": before["src/sum.js"].replaceAll("sum", "total"),
      "test/total.test.js": tests.replaceAll("sum", "total"),
    };
    const files = sidesOfTexts(before, now, {
      "src/total.js": "src/sum.js",
      "test/total.test.js": "test/sum.test.js",
    });
    expect(files.get("test/total.test.js")).toMatchObject({
      ...{
        status: "renamed",
        side: "judge",
        needsAcceptance: false,
        weaker: null,
        withOldJudges: "change",
      },
      renamed: [{ from: "test/sum.test.js", to: "test/total.test.js" }],
    });
  });

  test("a test file that is split", () => {
    const [head = "", first = "", second = ""] = tests.split(/(?=^test\()/m);
    const now = {
      ...before,
      "test/sum.test.js": head.replace("sum, mean", "sum") + first,
      "test/mean.test.js": head.replace("sum, mean", "mean") + second,
    };
    const files = sidesOfTexts(before, now);
    for (const path of ["test/sum.test.js", "test/mean.test.js"]) {
      expect(files.get(path)).toMatchObject({
        side: "judge",
        needsAcceptance: false,
        weaker: null,
      });
    }
    expect(files.get("test/mean.test.js")?.renamed).toEqual([
      { from: "test/sum.test.js > means", to: "test/mean.test.js > means" },
    ]);
  });

  test("a test that moved to another folder", () => {
    const now = {
      ...before,
      "test/sum.test.js": null,
      "test/unit/sum.test.js": tests.replace("../src", "../../src"),
    };
    const files = sidesOfTexts(before, now, { "test/unit/sum.test.js": "test/sum.test.js" });
    expect(files.get("test/unit/sum.test.js")).toMatchObject({
      needsAcceptance: false,
      weaker: null,
    });
  });

  test("a test that is deleted with its subject, and one whose subject lives", () => {
    const gone = sidesOfTexts(before, { "src/sum.js": null, "test/sum.test.js": null });
    expect(gone.get("test/sum.test.js")).toMatchObject({
      needsAcceptance: true,
      weaker: null,
      withOldJudges: "change",
    });
    const lives = sidesOfTexts(before, { ...before, "test/sum.test.js": null });
    expect(lives.get("test/sum.test.js")).toMatchObject({
      needsAcceptance: true,
      withOldJudges: "base",
    });
    expect(lives.get("test/sum.test.js")?.weaker).toMatch(/`adds` is gone/);
  });

  test("a dead test of a function that is removed", () => {
    const now = {
      "src/sum.js": before["src/sum.js"].split("\n")[0] ?? "",
      "test/sum.test.js": tests
        .slice(0, tests.indexOf('\ntest("means"'))
        .replace("sum, mean", "sum"),
    };
    expect(sidesOfTexts(before, now).get("test/sum.test.js")).toMatchObject({
      needsAcceptance: true,
      weaker: null,
    });
  });

  test("an import of another module of the same name is no move", () => {
    const now = {
      ...before,
      "src/fake.js": "export const sum = () => 5;\nexport const mean = () => 3;\n",
      "test/sum.test.js": tests.replace("../src/sum.js", "../src/fake.js"),
    };
    expect(sidesOfTexts(before, now).get("test/sum.test.js")).toMatchObject({
      needsAcceptance: true,
    });
  });
});

describe("source that looks for its judge", () => {
  test.each([
    ["src/a.js", "if (process.env.NODE_ENV === 'test') return 5;"],
    ["src/a.js", "if (process.env.VITEST) return 5;"],
    ["src/a.js", "if (process.env['JEST_WORKER_ID']) return 5;"],
    ["src/a.js", "if (process.argv.some((a) => a.includes('.test.'))) return 5;"],
    ["src/a.js", "if (new Error().stack.includes('test')) return 5;"],
    ["src/a.js", "assert.equal = () => {};"],
    ["src/a.js", "a.strictEqual = () => {};"],
    ["src/a.js", "Object.is = () => true;"],
    ["src/a.js", "return { [Symbol.toPrimitive]: () => 5 };"],
    ["src/a.js", "process.exit(0);"],
    ["src/a.js", "process.on('exit', () => { process.exitCode = 0; });"],
    ["src/a.js", "if (process.env.npm_lifecycle_event === 'test') {}"],
    ["src/a.js", "if (typeof describe === 'function') {}"],
    ["src/a.js", "const a = await import(['node', 'assert'].join(':'));"],
    ["src/a.js", "const key = 'eq' + 'ual';"],
    ["src/a.js", "const a = process.getBuiltinModule(name);"],
    ["shelf/a.py", "for module in list(sys.modules.values()):"],
    ["shelf/a.py", "if 'pytest' in sys.modules:"],
    ["shelf/a.py", "if os.environ.get('PYTEST_CURRENT_TEST'):"],
    ["shelf/a.py", "for frame in inspect.stack():"],
    ["shelf/a.py", "class A:\n    def __eq__(self, other):\n        return True"],
    ["shelf/a.py", "os._exit(0)"],
    ["src/lib.rs", "if cfg!(test) { return 5; }"],
    ["src/lib.rs", "#[cfg(not(test))]\nfn real() {}"],
    ["total.go", "if testing.Testing() { return 5 }"],
    ["total.go", "_, file, _, _ := runtime.Caller(1)"],
    ["total.go", "os.Exit(0)"],
    ["total.go", "//go:build !race"],
    ["src/main/java/Total.java", "if (new Exception().getStackTrace().length > 3) return 5;"],
    ["src/total.c", "#define assert(x)"],
    ["src/total.c", "__attribute__((constructor)) static void f(void) { _exit(0); }"],
    ["lib/total.rb", "return 5 if defined?(Minitest)"],
    ["lib/total.rb", "at_exit { exit!(0) }"],
    ["lib/Total.pm", "return 5 if $ENV{HARNESS_ACTIVE};"],
  ])("%s: %s", (path, line) => {
    const { suspicions } = sidesOfTexts({ [path]: "" }, { [path]: `${line}\n` });
    expect(suspicions.map((each) => each.path)).toContain(path);
  });

  test.each([
    ["src/a.js", "// if (process.env.NODE_ENV === 'test')"],
    ["src/a.js", "const dev = process.env.NODE_ENV !== 'production';"],
    ["src/a.js", "import assert from 'node:assert';"],
    ["src/a.js", "if (failed) process.exit(1);"],
    ["src/a.js", "const a = await import('./locales/' + name + '.js');"],
    ["src/a.js", "const all = ['a', 'b'].join(',') + 'c';"],
    ["src/a.js", "const text = 'The first half, ' + 'and the second.';"],
    ["bin/a.js", "process.exit(0);"],
    ["src/a.js", "if (process.argv.includes('--version')) {}"],
    ["shelf/a.py", "class A:\n    def __eq__(self, other):\n        return self.a == other.a"],
    ["shelf/a.py", "sys.exit(main())"],
    ["src/lib.rs", "#[cfg(test)]\nmod tests;"],
    ["total.go", "//go:build linux"],
    ["total.go", "os.Exit(1)"],
    ["README.md", "process.exit(0)"],
  ])("not %s: %s", (path, line) => {
    expect(sidesOfTexts({ [path]: "" }, { [path]: `${line}\n` }).suspicions).toEqual([]);
  });
});
