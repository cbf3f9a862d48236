import { expect, test } from "vitest";
import {
  allowedPathSchema,
  coversPath,
  matchesPath,
  namesFile,
} from "../../src/core/text/path-glob.ts";

/** Globs that callers and plans write mean files of a repository, and never take long to be compared. */
test.each([
  ["test/a.test.js", "test/a.test.js", true],
  ["./test/a.test.js", "test/a.test.js", true],
  ["a.test.js", "test/a.test.js", false],
  ["*.js", "a.js", true],
  ["*.js", "src/a.js", false],
  ["**/*.js", "src/deep/a.js", true],
  ["**/*.js", "a.js", true],
  ["test/**", "test/deep/a.snap", true],
  ["test/**/a.snap", "test/a.snap", true],
  ["test/?.js", "test/a.js", true],
  ["test/?.js", "test/ab.js", false],
  ["app/[id]/page.js", "app/[id]/page.js", true],
  ["app/[id]/page.js", "app/i/page.js", false],
  ["{test,spec}/**", "spec/a.js", true],
  ["{test,spec", "{test,spec", true],
  ["src/{a,b}.{js,ts}", "src/b.ts", true],
  [".github/workflows/*.yml", ".github/workflows/ci.yml", true],
  ["(a|b)+.js", "a.js", false],
])("%s means %s: %s", (glob, path, means) => {
  expect(matchesPath(glob, path)).toBe(means);
});

test("a folder covers what is in it", () => {
  for (const glob of ["test", "test/", "test/**", "te*"])
    expect(coversPath(glob, "test/deep/a.js")).toBe(true);
  expect(coversPath("tes", "test/a.js")).toBe(false);
  expect(coversPath("test/deep/a.js/more", "test/deep/a.js")).toBe(false);
});

test("a file is named by a last part without wildcards", () => {
  expect(["a.js", "test/**/a.snap", "./a"].map(namesFile)).toEqual([true, true, true]);
  expect(["test/", "test/*", "**", "test/*.js", "{a,b}.js"].map(namesFile)).not.toContain(true);
});

test("no glob takes long", () => {
  const path = `${"a".repeat(2_000)}/${"a/".repeat(500)}b`;
  for (const glob of [`${"*a".repeat(240)}c`, `${"**/".repeat(160)}c`, "{a,b}".repeat(99)])
    expect(coversPath(glob, path)).toBe(false);
});

test.each(["", " a", "/etc/passwd", "../a", "a/../../b", "C:/a", "a".repeat(501), "."])(
  "%j is no path of a repository",
  (text) => {
    expect(allowedPathSchema.safeParse(text).success).toBe(false);
  },
);
