import { describe, expect, test } from "vitest";
import { expectBite, manifest, openTree, type Tree } from "./try-runner.ts";

/** Honest repositories of other habits: each has a place where a test that must fail is heard. */
const esm = { type: "module" };
const sum = "export const sum = (a, b) => a + b;\n";

describe("a canary bites where", () => {
  test.each<[string, Tree, string?]>([
    [
      "tests stand inside the source",
      {
        "package.json": manifest("vitest run", esm),
        "vitest.config.js": 'export default { test: { includeSource: ["src/*.js"] } };',
        "src/sum.js": `${sum}if (import.meta.vitest) {
  const { test, expect } = import.meta.vitest;
  test("adds", () => { expect(sum(1, 2)).toBe(3); });
}
`,
      },
    ],
    [
      "expect comes with the test",
      {
        "package.json": manifest("vitest run", esm),
        "a.test.js": `import { test as check } from "vitest";
check("adds", ({ expect }) => { expect(3).toBe(3); });`,
      },
    ],
    [
      "the test is one's own",
      {
        "package.json": manifest("node --test"),
        "harness.js": 'exports.check = require("node:test").test;',
        "test/a.test.js": 'const { check } = require("../harness.js"); check("a", () => {});',
      },
    ],
    [
      "nothing but describe and it are imported, and assertions are deep inside",
      {
        "package.json": manifest("node --test"),
        "test/a.test.js": `const { describe } = require("node:test");
describe("a", () => {
  const assert = require("node:assert");
  require("node:test").it("b", () => { assert.equal(1, 1) })
})`,
      },
    ],
    [
      "files run one after the other",
      {
        "package.json": manifest("node test/a.js && node test/b.js"),
        "test/a.js": 'require("node:test")("a", () => {});',
        "test/b.js": 'require("node:test")("b", () => {});',
      },
    ],
    [
      "a script without a runner stands in front of one",
      {
        "package.json": manifest("node build.js && mocha"),
        "build.js": "",
        "test/a.js": 'it("a", () => {});',
      },
    ],
    [
      "two runners follow each other",
      {
        "package.json": manifest("npm run unit && npm run more", {
          scripts: { test: "npm run unit && npm run more", unit: "mocha", more: "tape tape/*.js" },
        }),
        "test/a.js": 'it("a", () => {});',
        "tape/b.js": 'require("tape")("b", (t) => { t.ok(1); t.end(); });',
      },
    ],
    [
      "the run ends at its first failure",
      {
        "package.json": manifest("mocha"),
        ".mocharc.json": '{ "bail": true }',
        "test/a.js":
          'const assert = require("assert"); it("a", () => { assert.equal(1, 1); assert.ok(1); });',
        "test/b.js": 'it("b", () => {});',
      },
    ],
    [
      "each workspace has tests",
      {
        "package.json": JSON.stringify({ workspaces: ["a", "b"] }),
        "a/package.json": manifest("node --test", { name: "a" }),
        "a/test/a.test.js": 'require("node:test")("a", () => {});',
        "b/package.json": manifest("mocha", { name: "b" }),
        "b/test/b.js": 'it("b", () => {});',
      },
      "npm test --workspaces",
    ],
    [
      "jest has projects and tests in __tests__",
      {
        "package.json": manifest("jest", {
          jest: { projects: [{ displayName: "one", testMatch: ["<rootDir>/**/__tests__/*.js"] }] },
        }),
        "lib/__tests__/sum.js": 'it.each([[1, 1]])("is %s", (a, b) => { expect(a).toBe(b); });',
      },
    ],
    [
      "only an assertion of another library is known",
      {
        "package.json": manifest("mocha"),
        "test/a.js":
          'const { strict: assert } = require("assert"); it("a", () => assert.deepEqual({}, {}));',
      },
    ],
  ])("%s", async (_, tree, command) => {
    await expectBite(tree, command);
  });

  test("a new test file is preferred where its like ran, and no other", async () => {
    const tree = {
      "package.json": manifest("node --test"),
      "test/a.test.js": 'require("node:test")("a", () => {});',
      "test/b.test.js": 'require("node:test")("b", () => {});',
      "elsewhere/c.js": 'require("node:test")("c", () => {});',
    };
    const repository = await openTree(tree);
    const tests = {
      format: "node:test",
      listed: "all" as const,
      tests: {},
      files: ["test/a.test.js"],
    };
    const canary = await repository.canary(tests, ["test/b.test.js", "elsewhere/c.js"]);
    const [first, second, beside] = canary?.files.map(({ path }) => path) ?? [];
    expect([first, second]).toEqual(["test/b.test.js", "test/a.test.js"]);
    expect(beside).toMatch(/^test\/b-k\w+\.test\.js$/);
  });

  test("it is spelled as the file is", async () => {
    const tree = {
      "package.json": manifest("tape test/*.js"),
      "test/a.js":
        "const test = require('tape')\n\ntest('a', (t) => {\n    t.equal(1, 1)\n    t.end()\n})\n",
    };
    const canary = await (await openTree(tree)).canary(null);
    expect(canary?.files[0]?.text).toMatch(
      /^const [^;"]+\n\ntest\('k\w+a0', \(t\) => \{\n {4}t\.equal\(1, 2\); t\.end\(\)\n\}\)\n$/,
    );
  });
});
