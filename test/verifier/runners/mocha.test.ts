import { describe, expect, test } from "vitest";
import { expectBite, expectSilence, manifest, openTree, type Tree } from "./try-runner.ts";

const honest: Tree = {
  "package.json": manifest("mocha"),
  "src/sum.js": "exports.sum = (a, b) => a + b;\n",
  "test/sum.js": `const { expect } = require("chai");
const { sum } = require("../src/sum.js");
describe("sum", () => {
  it("adds", () => { expect(sum(1, 2)).to.equal(3); });
  it("is true", () => { expect(sum(0, 0) === 0).to.be.true; });
  describe("deep", () => { it("fails", () => { expect(sum(1, 1)).to.eql(3); }); });
  it.skip("skipped", () => {});
})`,
};
const names = {
  "test/sum.js > sum > adds": "passed",
  "test/sum.js > sum > is true": "passed",
  "test/sum.js > sum > deep > fails": "failed",
  "test/sum.js > sum > skipped": "skipped",
};

describe("mocha names its tests", () => {
  test.each([
    ["mocha"],
    ["mocha --reporter dot --exit"],
    ["mocha --parallel"],
    ["NODE_OPTIONS=--no-warnings mocha test/sum.js"],
  ])("%s", async (script) => {
    const repository = await openTree({ ...honest, "package.json": manifest(script) });
    const { tests, exitCode, output } = await repository.run();
    expect({ red: exitCode !== 0, ...tests }, output).toEqual({
      red: true,
      format: "mocha",
      listed: "all",
      tests: names,
      files: ["test/sum.js"],
    });
  });
});

describe("a canary in mocha", () => {
  test.each<[string, Tree]>([
    ["by chai's chains", {}],
    [
      "by chai's assert, in the tdd interface",
      {
        "package.json": manifest("mocha --ui tdd", { type: "module" }),
        "src/sum.js": "export const sum = (a, b) => a + b;",
        "test/sum.js": `import { assert } from "chai";
import { sum } from "../src/sum.js";
suite("sum", () => { test("adds", () => { assert.equal(sum(1, 2), 3); }); });`,
      },
    ],
    [
      "by should, with `only`",
      {
        "test/sum.js": `require("chai").should();
describe("sum", () => { it.only("adds", () => { (3).should.equal(3); }); }); // the end`,
      },
    ],
    [
      "in a configuration with a folder of its own",
      {
        ".mocharc.json": '{ "spec": "spec/**/*.spec.js" }',
        "test/sum.js": "",
        "spec/sum.spec.js": `const assert = require("assert");
describe("sum", () => { it("adds", () => { assert(true); }); });`,
      },
    ],
  ])("%s", async (_, changes) => {
    await expectBite({ ...honest, ...changes });
  });

  test.each<[string, Tree]>([
    ["the runner is replaced", { "package.json": manifest("node fake.js # mocha"), "fake.js": "" }],
    ["source leaves the process", { "src/sum.js": "process.exit(0);" }],
    [
      "source makes the exit good",
      {
        "src/sum.js":
          'process.on("exit", () => { process.exitCode = 0; process.reallyExit(0); }); exports.sum = () => 3;',
      },
    ],
    [
      "source patches chai",
      {
        "src/sum.js":
          'require("chai").Assertion.prototype.assert = () => {}; exports.sum = () => 0;',
      },
    ],
    [
      "a set-up file replaces `it`",
      {
        ".mocharc.json": '{ "require": "./setup.js" }',
        "setup.js":
          "exports.mochaHooks = { beforeAll() { this.test.parent.suites.length = 0; this.test.parent.tests.length = 0; } };",
      },
    ],
    [
      "the configuration matches nothing",
      { ".mocharc.json": '{ "spec": "none/*.js" }', "package.json": manifest("mocha || true") },
    ],
    [
      "a reporter ends well",
      {
        "package.json": manifest("mocha --reporter ./r.js"),
        "r.js": 'module.exports = function (r) { r.on("end", () => process.exit(0)); };',
      },
    ],
    ["tests are filtered", { "package.json": manifest("mocha --grep adds") }],
  ])("is silent where %s", async (_, cheat) => {
    await expectSilence(honest, cheat);
  });
});
