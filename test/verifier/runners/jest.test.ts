import { describe, expect, test } from "vitest";
import { expectBite, expectSilence, manifest, openTree, type Tree } from "./try-runner.ts";

const honest: Tree = {
  "package.json": manifest("jest"),
  "src/sum.js": "exports.sum = (a, b) => a + b;\n",
  "src/sum.test.js": `const { sum } = require("./sum.js");
test("adds", () => { expect(sum(1, 2)).toBe(3); });
describe("group", () => {
  it("deep", () => { expect([sum(1, 1)]).toEqual([3]); });
  it.skip("skipped", () => {});
})`,
};
const names = {
  "src/sum.test.js > adds": "passed",
  "src/sum.test.js > group > deep": "failed",
  "src/sum.test.js > group > skipped": "skipped",
};

describe("jest names its tests", () => {
  test.each([
    ["jest"],
    ["jest --silent --reporters=default || exit 1"],
    ["NODE_OPTIONS=--experimental-vm-modules jest --coverage=false"],
    ["node node_modules/jest/bin/jest.js --ci"],
  ])("%s", async (script) => {
    const repository = await openTree({ ...honest, "package.json": manifest(script) });
    const { tests, exitCode, output } = await repository.run();
    expect({ red: exitCode !== 0, ...tests }, output).toEqual({
      red: true,
      format: "jest",
      listed: "all",
      tests: names,
      files: ["src/sum.test.js"],
    });
  });

  test("a file that does not load is named as a whole", async () => {
    const repository = await openTree({ ...honest, "src/b.test.js": 'require("./none.js");' });
    expect((await repository.run()).tests?.tests).toEqual({
      ...names,
      "src/b.test.js (whole file)": "failed",
    });
  });
});

describe("a canary in jest", () => {
  test("by globals, by the matchers that the file uses", async () => {
    const canary = await expectBite(honest);
    expect(canary.files.map(({ path }) => path)).toContain("src/sum.test.js");
    expect(canary.files).toHaveLength(2);
    expect(canary.names).toHaveLength(4);
  });

  test("by imports, with `only`, in a script that sets NODE_OPTIONS", async () => {
    await expectBite({
      "package.json": manifest("NODE_OPTIONS=--experimental-vm-modules jest", { type: "module" }),
      "a.test.js": `import { test, expect } from "@jest/globals";
test.only("adds", () => { expect(3).toBe(3); })`,
    });
  });

  test.each<[string, Tree]>([
    [
      "a set-up file replaces test",
      {
        "package.json": manifest("jest", { jest: { setupFilesAfterEnv: ["./setup.js"] } }),
        "setup.js":
          "const real = global.test; global.test = global.it = (name) => real(name, () => {}); global.it.skip = real.skip;",
      },
    ],
    [
      "source patches expect",
      {
        "src/sum.js":
          "global.expect = () => new Proxy({}, { get: () => () => {} }); exports.sum = () => 0;",
      },
    ],
    [
      "source patches a matcher",
      {
        "src/sum.js":
          "expect.extend({ toBe: () => ({ pass: true }), toEqual: () => ({ pass: true }) }); exports.sum = () => 0;",
      },
    ],
    [
      "a results processor forges",
      {
        "package.json": manifest("jest", { jest: { testResultsProcessor: "./p.js" } }),
        "p.js":
          "module.exports = (r) => { r.numFailedTests = 0; r.success = true; for (const f of r.testResults) { f.numFailingTests = 0; f.failureMessage = null; f.testResults = f.testResults.filter((t) => t.status !== 'failed'); } return r; };",
      },
    ],
    [
      "a custom runner passes all",
      {
        "package.json": manifest("jest", { jest: { runner: "./runner.js" } }),
        "runner.js":
          "module.exports = class { constructor() {} async runTests(tests, w, s, ok) { for (const t of tests) { await s(t); } process.exit(0); } };",
      },
    ],
    [
      "the configuration matches nothing",
      {
        "package.json": manifest("jest --passWithNoTests", { jest: { testMatch: ["**/none.js"] } }),
      },
    ],
    ["its exit code is dropped", { "package.json": manifest("jest; exit 0") }],
    ["tests are filtered", { "package.json": manifest("jest -t adds") }],
  ])("is silent where %s", async (_, cheat) => {
    await expectSilence(honest, cheat);
  });
});
