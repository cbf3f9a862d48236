import { afterEach, describe, expect, test } from "vitest";
import { type Tree, TriedRepository } from "./try-runner.ts";

const opened: TriedRepository[] = [];
async function open(tree: Tree, command = "npm test"): Promise<TriedRepository> {
  const repository = await TriedRepository.create(tree, command);
  opened.push(repository);
  return repository;
}
afterEach(async () => {
  for (const each of opened.splice(0)) await each.remove();
});

const manifest = (test: string, more: object = {}) =>
  JSON.stringify({ scripts: { test }, ...more });
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
    const { tests, exitCode } = await (await open({ ...honest, "package.json": made })).run();
    expect(exitCode).not.toBe(0);
    expect(tests).toEqual({
      format: "node:test",
      listed: "all",
      tests: names,
      files: ["test/sum.test.js"],
    });
  });

  test("a file that does not load, one that leaves early, a runner that a test starts", async () => {
    const repository = await open({
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
    [
      "TypeScript",
      {
        "package.json": manifest("node --import tsx --test test/*.test.ts"),
        "test/sum.test.js": "",
        "test/sum.test.ts": `import test from "node:test";
import assert from "node:assert";
import { sum } from "../src/sum";
const three: number = 3;
test("adds", (t) => { assert.equal(sum(1, 2), three); });`,
      },
    ],
  ])("%s", async (_, changes, command) => {
    const result = await (await open({ ...honest, ...changes }, command)).bite();
    expect({ red: result.red, unnamed: result.unnamed }, result.run.output).toEqual({
      red: true,
      unnamed: [],
    });
    expect(result.canary.names.length).toBeGreaterThan(0);
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
  ])("is silent where %s", async (_, changes) => {
    const repository = await open({ ...honest, ...changes });
    const tests = {
      format: "node:test",
      listed: "all" as const,
      tests: {},
      files: ["test/sum.test.js"],
    };
    // The base is honest: its runners place the canary, the change runs it.
    const canary = await (await open(honest)).canary(tests);
    const changed = Object.fromEntries((canary?.files ?? []).map(({ path, text }) => [path, text]));
    const run = await repository.run(changed);
    const failing = Object.entries(run.tests?.tests ?? {}).filter(
      ([, state]) => state === "failed",
    );
    const named = canary?.names.filter((name) => failing.some(([test]) => test.includes(name)));
    expect(run.exitCode === 0 || named?.length !== canary?.names.length, run.output).toBe(true);
  });
});
