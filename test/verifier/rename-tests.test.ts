import { expect, test } from "vitest";
import type { TestResults } from "../../src/core/proof/verdict.ts";
import { renamesOf, renameTests } from "../../src/verifier/tests/rename-tests.ts";

function list(...names: string[]): TestResults {
  const tests = Object.fromEntries(names.map((name) => [name, "passed" as const]));
  return { format: "x", listed: "all", tests };
}

const file = (from: string | null, path: string, renamed: { from: string; to: string }[] = []) => ({
  ...{ from, path, renamed },
});

test.each([
  ["a moved file", file("test/a.js", "test/b.js"), "test/a.js > s > t", "test/b.js > s > t"],
  [
    "pytest",
    file("test/test_a.py", "test/test_b.py"),
    "test/test_a.py::t[1]",
    "test/test_b.py::t[1]",
  ],
  [
    "JUnit of pytest",
    file("test/test_a.py", "test/test_b.py"),
    "test.test_a > t",
    "test.test_b > t",
  ],
  [
    "JUnit of Java",
    file("src/test/java/org/ATest.java", "src/test/java/org/BTest.java"),
    "org.ATest > t",
    "org.BTest > t",
  ],
  [
    "the package of a Go test",
    file("money/a_test.go", "internal/money/a_test.go"),
    "org/shop/money > TestA/x",
    "org/shop/internal/money > TestA/x",
  ],
  ["a renamed test", file(null, "a.js", [{ from: "adds", to: "sums" }]), "s > adds", "s > sums"],
  [
    "its parameters",
    file(null, "a.py", [{ from: "t_a", to: "t_b" }]),
    "a.py::t_a[x]",
    "a.py::t_b[x]",
  ],
  [
    "the second of a name",
    file(null, "a.js", [{ from: "adds", to: "sums" }]),
    "adds (2)",
    "sums (2)",
  ],
  [
    "both",
    file("test/a.js", "test/b.js", [{ from: "adds", to: "sums" }]),
    "test/a.js > adds",
    "test/b.js > sums",
  ],
  [
    "a suite and a test",
    file(null, "a.js", [{ from: "s > adds", to: "r > sums" }]),
    "a.js > s > adds",
    "a.js > r > sums",
  ],
])("%s", (_, renamed, before, now) => {
  const names = renameTests(list(before, "other"), list(now, "other"), renamesOf([renamed])).tests;
  expect(Object.keys(names)).toEqual([now, "other"]);
});

test("where the old name is still there, or the new one was, it is no rename", () => {
  const renames = renamesOf([file(null, "a.js", [{ from: "a", to: "b" }])]);
  const names = (before: TestResults, now: TestResults) =>
    Object.keys(renameTests(before, now, renames).tests);
  expect(names(list("a"), list("a", "b"))).toEqual(["a"]);
  expect(names(list("a", "b"), list("b"))).toEqual(["a", "b"]);
  expect(names(list("a"), list("c"))).toEqual(["a"]);
});

test("very many names and renames take no time", () => {
  const many = (letter: string) => Array.from({ length: 20_000 }, (_, at) => `${letter}${at}`);
  const renames = renamesOf(
    many("r").map((name) => file(`${name}/a.js`, `${name}/b.js`, [{ from: name, to: `${name}x` }])),
  );
  const startedAt = Date.now();
  renameTests(list(...many("a")), list(...many("b")), renames);
  expect(Date.now() - startedAt).toBeLessThan(3_000);
});
