import { describe, expect, test } from "vitest";
import type { Files } from "../repository.ts";
import { sidesOf } from "./sides-of.ts";

const node: Files = {
  "package.json": JSON.stringify({
    name: "shelf",
    version: "1.0.0",
    bin: { shelf: "bin/shelf.js" },
    scripts: { test: "node --test", lint: "eslint ." },
  }),
  "bin/shelf.js": "#!/usr/bin/env node\nconsole.log('shelf');\n",
  "src/total.js": "export const total = (a) => a.reduce((x, y) => x + y, 0);\n",
  "src/helper.js": "export const make = () => 1;\n",
  "test/total.test.js":
    "import test from 'node:test';\nimport assert from 'node:assert';\nimport { total } from '../src/total.js';\ntest('adds', () => {\n  assert.equal(total([2, 3]), 5);\n});\n",
  "README.md": "# shelf\n",
};

type Row = [what: string, change: Files, path: string, side: string, kind: string | null];

describe("sides in a node project", () => {
  const rows: Row[] = [
    [
      "source",
      { "src/total.js": "export const total = () => 5;\n" },
      "src/total.js",
      "source",
      null,
    ],
    [
      "the program it ships, though a check calls it",
      { "bin/shelf.js": "#!/usr/bin/env node\n" },
      "bin/shelf.js",
      "source",
      null,
    ],
    ["documentation", { "README.md": "# Shelf\n" }, "README.md", "source", null],
    ["a test", { "test/total.test.js": "" }, "test/total.test.js", "judge", "test"],
    ["a test that is added", { "test/more.test.js": "" }, "test/more.test.js", "judge", "test"],
    ["a golden file", { "golden/total.json": "5" }, "golden/total.json", "judge", "fixture"],
    [
      "an approved file",
      { "src/total.approved.txt": "5" },
      "src/total.approved.txt",
      "judge",
      "fixture",
    ],
    [
      "what the test script is",
      { "package.json": String(node["package.json"]).replace("node --test", "true") },
      "package.json",
      "mixed",
      "runner",
    ],
    [
      "a script that no check uses",
      { "package.json": String(node["package.json"]).replace("eslint .", "biome .") },
      "package.json",
      "source",
      null,
    ],
    [
      "metadata",
      { "package.json": String(node["package.json"]).replace("1.0.0", "1.0.1") },
      "package.json",
      "source",
      null,
    ],
    [
      "npm's configuration",
      { ".npmrc": "script-shell=/bin/true" },
      ".npmrc",
      "judge",
      "environment",
    ],
    ["the version of node", { ".nvmrc": "18" }, ".nvmrc", "judge", "environment"],
    ["variables", { ".env": "TOTAL=5" }, ".env", "judge", "environment"],
    ["an example of variables", { ".env.example": "TOTAL=5" }, ".env.example", "source", null],
    [
      "installed packages",
      { "node_modules/assert/index.js": "" },
      "node_modules/assert/index.js",
      "judge",
      "dependencies",
    ],
    ["a file that is found first", { "src/helper.ts": "" }, "src/helper.ts", "judge", "runner"],
    [
      "a protected file",
      { ".github/workflows/ci.yml": "on: push" },
      ".github/workflows/ci.yml",
      "judge",
      "protected",
    ],
  ];
  test.each(rows)("%s", async (_what, change, path, side, kind) => {
    const sides = await sidesOf(node, change, { checks: ["npm test", "node bin/shelf.js"] });
    expect(sides.of(path)).toMatchObject({ path, side, kind });
  });
});

test("what the commands of services run judges the work, but not the source that they start", async () => {
  const files = { ...node, "scripts/db.sh": "exec postgres\n", "src/server.js": "" };
  const change = { "scripts/db.sh": "exec true\n", "src/server.js": "0;\n" };
  const services = ["sh scripts/db.sh", "node src/server.js"].map((run, index) => ({
    ...{ name: `s${index}`, run, ports: [], ready: null, stop: null, startTimeoutMs: 1_000 },
  }));
  const { of } = await sidesOf(files, change, { services });
  expect(of("scripts/db.sh")).toMatchObject({ side: "judge", kind: "runner" });
  expect(of("src/server.js").side).toBe("source");
});
