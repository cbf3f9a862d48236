import { describe, expect, test } from "vitest";
import { expectBite, expectSilence, manifest, openTree, type Tree } from "./try-runner.ts";

const honest: Tree = {
  "package.json": manifest("node --test"),
  "src/sum.js": "exports.sum = (a, b) => a + b;\n",
  "test/sum.test.js": `const { test, describe, it } = require("node:test");
const assert = require("node:assert");
const { sum } = require("../src/sum.js");
test("adds", () => assert.equal(sum(1, 2), 3));
describe("group", () => {
  it("deep", () => assert.deepStrictEqual(sum(1, 1), 2));
  it.skip("skipped", () => {});
});
test("fails", () => assert.ok(sum(0, 0))); // no line end`,
};
const names = {
  "test/sum.test.js > adds": "passed",
  "test/sum.test.js > group > deep": "passed",
  "test/sum.test.js > group > skipped": "skipped",
  "test/sum.test.js > fails": "failed",
};

describe("names", () => {
  test.each<[string, object?]>([
    ["node --test"],
    ["node --test --test-reporter=spec"],
    ["node --test --test-reporter=dot --test-reporter-destination=stdout"],
    ["node test/sum.test.js"],
    ["echo a && npm run --silent unit", { unit: "node --test test/" }],
  ])("%s", async (script, scripts = {}) => {
    const made = JSON.stringify({ scripts: { test: script, ...scripts } });
    const { tests, exitCode } = await (await openTree({ ...honest, "package.json": made })).run();
    expect(exitCode).not.toBe(0);
    expect(tests).toEqual({
      format: "node:test",
      listed: "all",
      tests: names,
      files: ["test/sum.test.js"],
    });
  });

  test("a file that does not load, one that leaves early, a runner that a test starts", async () => {
    const repository = await openTree({
      "package.json": manifest("node --test"),
      "test/broken.test.js": "const a = ;",
      "test/early.test.mjs": 'import test from "node:test"; test("a", () => {}); process.exit(0);',
      "test/inner.test.js": `const test = require("node:test");
test("starts", () => {
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  require("node:child_process").execFileSync("node", ["--test", "fixture/x.js"], { env });
});`,
      "fixture/x.js": 'require("node:test").test("not ours", () => {});',
    });
    expect((await repository.run()).tests?.tests).toEqual({
      "test/broken.test.js (whole file)": "failed",
      "test/early.test.mjs (whole file)": "passed",
      "test/inner.test.js > starts": "passed",
    });
  });
});

describe("canary", () => {
  test.each<[string, Tree, string?]>([
    ["CommonJS, by each assertion that the file uses", {}],
    ["a command that names its file", { "package.json": manifest("node --test test/sum.test.js") }],
    ["a file that is run as it is", {}, "node test/sum.test.js"],
    [
      "ESM with named imports",
      {
        "package.json": manifest("node --test", { type: "module" }),
        "src/sum.js": "export const sum = (a, b) => a + b;\n",
        "test/sum.test.js": `import { it } from "node:test";
import { strictEqual as same, rejects } from "node:assert/strict";
import { sum } from "../src/sum.js";
it("adds", async () => { same(sum(1, 2), 3); await rejects(async () => { throw new Error(); }); })`,
      },
    ],
    ["a filter by name", { "package.json": manifest("node --test --test-name-pattern=adds") }],
  ])("%s", async (_, changes, command) => {
    await expectBite({ ...honest, ...changes }, command);
  });

  test.each<[string, Tree]>([
    ["the runner is replaced", { "package.json": manifest("true") }],
    ["its outcome is dropped", { "package.json": manifest("node --test || true") }],
    ["source leaves the process", { "src/sum.js": "exports.sum = () => 3; process.exit(0);" }],
    [
      "source swallows the exit code",
      {
        "package.json": manifest("node test/sum.test.js"),
        "src/sum.js": 'exports.sum = () => 3; process.on("exit", () => { process.exitCode = 0; });',
      },
    ],
    [
      "source patches the assertion",
      { "src/sum.js": 'require("node:assert").equal = () => {}; exports.sum = () => 0;' },
    ],
    [
      "source patches every assertion",
      {
        "src/sum.js":
          'const a = require("node:assert"); for (const k of Object.keys(a)) if (typeof a[k] === "function" && k !== "AssertionError") a[k] = () => {}; exports.sum = () => 0;',
      },
    ],
    [
      "a set-up file replaces test",
      {
        "package.json": manifest("node --require ./setup.js --test"),
        "setup.js":
          'const t = require("node:test"); t.test = () => {}; t.it = t.test; t.describe = t.test;',
      },
    ],
    [
      "a pattern that matches nothing",
      { "package.json": manifest("node --test nothing-*.js; true") },
    ],
    [
      "a forged reporter",
      {
        "package.json": manifest("node --test --test-reporter=./r.mjs"),
        "r.mjs":
          "export default async function* (s) { for await (const e of s); yield 'ok'; process.exit(0); }",
      },
    ],
  ])("is silent where %s", async (_, cheat) => {
    await expectSilence(honest, cheat);
  });

  test("is silent where source patches the assertion of a file in one line", async () => {
    const inOne: Tree = {
      ...honest,
      "test/sum.test.js":
        'const test = require("node:test"); const assert = require("assert"); const { sum } = require("../src/sum.js"); test("adds", () => { assert.equal(sum(1, 2), 3); });',
    };
    await expectBite(inOne);
    await expectSilence(inOne, {
      "src/sum.js": 'require("assert").equal = () => {}; exports.sum = () => 0;',
    });
  });

  test("is silent where source patches an assertion that only a nested line declares", async () => {
    const nested: Tree = {
      ...honest,
      "test/sum.test.js": `require("node:test").test("adds", () => {
  const assert = require("assert");
  assert.equal(require("../src/sum.js").sum(1, 2), 3);
});
`,
    };
    await expectBite(nested);
    const source = 'require("assert").equal = () => {}; exports.sum = () => 0;';
    await expectSilence(nested, { "src/sum.js": `${source}\n` });
  });
});
