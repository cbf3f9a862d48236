import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCheck, TestRepository, verify } from "./repository.ts";

let repository: TestRepository;
beforeAll(async () => {
  repository = await TestRepository.create();
});
afterAll(() => repository.remove());

test("a test that flips on the base is found there, named, and not counted against the change", async () => {
  const counter = join(repository.source, "..", "counter");
  const base = await repository.commit({
    "package.json": '{"type":"module"}',
    "src.js": "export const one = 1;\n",
    "test/a.test.js": `import test from "node:test";
import assert from "node:assert";
import { appendFileSync, readFileSync } from "node:fs";
import { one } from "../src.js";
test("steady", () => assert.ok(one));
test("flips", () => {
  appendFileSync(${JSON.stringify(counter)}, "x");
  assert.equal(readFileSync(${JSON.stringify(counter)}, "utf8").length % 2, 1);
});
`,
  });
  const commit = await repository.commit({ "src.js": "export const one = 2;\n" }, base);
  const flaky: string[] = [];
  const verdict = await verify(repository, base, commit, [makeCheck("node --test")], {
    proof: null,
    onFlaky: async (_, tests) => {
      flaky.push(...tests);
    },
  });
  expect(verdict.result).toBe("pass");
  expect(flaky).toEqual([expect.stringContaining("flips")]);
  expect(verdict.checks[0]?.flaky).toEqual(flaky);
  expect(verdict.experiments).toMatchObject([{ kind: "repetition", result: "shown" }]);
  expect(verdict.notChecked[0]).toContain("not counted, because it flips on the base too");

  const known = await verify(repository, base, commit, [makeCheck("node --test")], {
    proof: null,
    flakyTests: async () => new Set(flaky),
  });
  expect(known.result).toBe("pass");
}, 120_000);
