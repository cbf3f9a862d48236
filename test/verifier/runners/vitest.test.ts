import { describe, expect, test } from "vitest";
import { expectBite, expectSilence, manifest, openTree, type Tree } from "./try-runner.ts";

const honest: Tree = {
  "package.json": manifest("vitest", { type: "module" }),
  "src/sum.js": "export const sum = (a, b) => a + b;\n",
  "test/sum.test.js": `import { describe, expect, it, test } from "vitest";
import { sum } from "../src/sum.js";
test("adds", () => { expect(sum(1, 2)).toBe(3); });
describe("group", () => {
  it("deep", () => { expect([sum(1, 1)]).toEqual([3]); });
  it.skip("skipped", () => {});
})`,
};
const names = {
  "test/sum.test.js > adds": "passed",
  "test/sum.test.js > group > deep": "failed",
  "test/sum.test.js > group > skipped": "skipped",
};

describe("vitest names its tests", () => {
  test.each([
    ["vitest"],
    ["vitest run --reporter=dot"],
    ["echo first && NODE_OPTIONS=--no-warnings npx vitest run test && echo never"],
  ])("%s", async (script) => {
    const made = manifest(script, { type: "module" });
    const { tests, exitCode, output } = await (
      await openTree({ ...honest, "package.json": made })
    ).run();
    expect({ red: exitCode !== 0, ...tests }, output).toEqual({
      red: true,
      format: "vitest",
      listed: "all",
      tests: names,
      files: ["test/sum.test.js"],
    });
  });
});

describe("a canary in vitest", () => {
  test.each<[string, Tree]>([
    ["by imports", {}],
    [
      "by globals, in TypeScript",
      {
        "vitest.config.ts": "export default { test: { globals: true } };",
        "test/sum.test.js": "",
        "src/sum.spec.ts": `const three: number = 3;
test("adds", () => { expect(three).toStrictEqual(3); })`,
      },
    ],
    [
      "by node:assert",
      {
        "test/sum.test.js":
          'import { test } from "vitest"; import assert from "node:assert"; test("a", () => assert.ok(1));',
      },
    ],
  ])("%s", async (_, changes) => {
    await expectBite({ ...honest, ...changes });
  });

  test.each<[string, Tree]>([
    [
      "the configuration matches nothing",
      {
        "vitest.config.js":
          'export default { test: { include: ["none/*.js"], passWithNoTests: true } };',
      },
    ],
    [
      "a set-up file patches expect",
      {
        "vitest.config.js": 'export default { test: { setupFiles: ["./setup.js"] } };',
        "setup.js":
          'import { expect } from "vitest"; expect.extend({ toBe: () => ({ pass: true }), toEqual: () => ({ pass: true }) });',
      },
    ],
    ["source leaves the process", { "src/sum.js": "export const sum = () => 3; process.exit(0);" }],
    [
      "the configuration ends well",
      {
        "vitest.config.js":
          'process.on("exit", () => { process.exitCode = 0; }); export default {};',
      },
    ],
    [
      "failures are allowed",
      { "package.json": manifest("vitest run || true", { type: "module" }) },
    ],
  ])("is silent where %s", async (_, cheat) => {
    await expectSilence(honest, cheat);
  });

  test("is silent where a set-up file replaces the global `test`", async () => {
    const globals: Tree = {
      "package.json": manifest("vitest", { type: "module" }),
      "vitest.config.js": 'export default { test: { globals: true, setupFiles: "./setup.js" } };',
      "setup.js": "",
      "sum.test.js": 'test("adds", () => { expect(3).toBe(3); });',
    };
    const setup = "globalThis.test = (name) => it(name, () => {});";
    await expectSilence(globals, { "setup.js": setup });
  });
});
