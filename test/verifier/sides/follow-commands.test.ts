import { describe, expect, test } from "vitest";
import { followCommands } from "../../../src/verifier/sides/follow-commands.ts";
import { namedDeciding, namedTest } from "../../../src/verifier/sides/judge-names.ts";
import { findShadow } from "../../../src/verifier/sides/shadows.ts";

const tree: Record<string, string> = {
  "package.json": JSON.stringify({
    scripts: {
      test: "npm run lint && sh scripts/test.sh",
      lint: "eslint .",
      deploy: "./deploy.sh",
      "check:a": "node tools/a.mjs src/a.js",
      all: "run-s 'check:*'",
    },
  }),
  "scripts/test.sh": '#!/bin/sh\n. ./scripts/env.sh\nexec ./bin/run-tests "$@"\n',
  "scripts/env.sh": "export A=1\n",
  "bin/run-tests": "#!/bin/sh\nvitest run\ndiff out.txt data/wanted.txt\n",
  "bin/shelf.js": "#!/usr/bin/env node\n",
  "data/wanted.txt": "5\n",
  "tools/a.mjs": 'import "./b-check.mjs";\n',
  "tools/b-check.mjs": "",
  "src/a.js": "",
  "src/setup.js": "",
  "vitest.config.js": 'export default { test: { setupFiles: ["./src/setup.js"] } };\n',
  Makefile: "include rules.mk\ntest:\n\tpython3 scripts/check.py src/a.js\n",
  "rules.mk": "X = 1\n",
  "scripts/check.py": "",
};
const follow = (...commands: string[]) =>
  followCommands(
    commands,
    { files: Object.keys(tree), read: async (path) => tree[path] ?? null },
    new Set(["bin/shelf.js"]),
  );

describe("what the checks lead to", () => {
  test.each([
    [
      "npm test",
      ["bin/run-tests", "data/wanted.txt", "scripts/env.sh", "scripts/test.sh", "src/setup.js"],
    ],
    ["npm run all", ["tools/a.mjs", "tools/b-check.mjs"]],
    ["make test", ["Makefile", "rules.mk", "scripts/check.py"]],
    ["node bin/shelf.js --help", []],
    ["node --import ./tools/a.mjs bin/shelf.js", ["tools/a.mjs", "tools/b-check.mjs"]],
    ["node bin/shelf.js | diff - data/wanted.txt", ["data/wanted.txt"]],
  ])("%s", async (command, files) => {
    const led = await follow(command);
    expect(
      [...led.files.keys()]
        .filter((path) => path !== "src/setup.js" || files.includes(path))
        .sort(),
    ).toEqual(files);
  });
});

describe("names", () => {
  test.each([
    ["qa/total.js", "test"],
    ["acceptance/total.py", "test"],
    ["spec/total_spec.rb", "test"],
    ["t/basket.t", "test"],
    ["src/__tests__/a.ts", "test"],
    ["src/total.spec.mts", "test"],
    ["golden/a.json", "fixture"],
    ["src/a.approved.txt", "fixture"],
    ["src/__snapshots__/a.snap", "fixture"],
    ["tests/data/a.csv", "fixture"],
    ["expected_total.json", "fixture"],
    ["src/checks/policy.js", null],
    ["src/contest/a.ts", null],
    ["src/latest.js", null],
    ["README.md", null],
  ])("%s: %s", (path, kind) => {
    expect(namedTest(path)?.kind ?? null).toBe(kind);
  });

  test.each([
    [".env", "environment"],
    [".env.test", "environment"],
    [".env.example", null],
    [".nvmrc", "environment"],
    ["rust-toolchain.toml", "environment"],
    [".npmrc", "environment"],
    ["packages/a/jest.config.js", "configuration"],
    ["tests/conftest.py", "configuration"],
    ["sitecustomize.py", "runner"],
    ["src/x.pth", "runner"],
    [".cargo/config.toml", "configuration"],
    ["go.work", "configuration"],
    ["vendor/github.com/a/a.go", "dependencies"],
    ["node_modules/a/index.js", "dependencies"],
    ["src/config.ts", null],
  ])("%s: %s", (path, kind) => {
    expect(namedDeciding(path, "npm test\npytest\ngo test")?.kind ?? null).toBe(kind);
  });
});

describe("files that are found before others", () => {
  const files = new Set(["src/helper.js", "lib/tools/index.js", "shelf/util.py", "package.json"]);
  const shadow = (path: string) =>
    findShadow(
      {
        path,
        from: null,
        status: "added",
        before: null,
        now: { mode: "100644", id: "1", text: "" },
      },
      { filesBefore: files, filesNow: new Set([...files, path]) },
    );
  test.each([
    "src/helper.ts",
    "src/helper.mjs",
    "src/helper/index.js",
    "lib/tools.js",
    "shelf/util/__init__.py",
    "json.py",
    "pytest.py",
    "unittest/__init__.py",
    "lib/Test/More.pm",
    "src/main/java/org/junit/Assert.java",
    "src/assert.h",
    "tools/diff",
    "lib/minitest/autorun.rb",
  ])("%s", (path) => {
    expect(shadow(path)).not.toBeNull();
  });
  test.each([
    "src/total.js",
    "src/helper.d.ts",
    "src/helper.css",
    "shelf/json_tools.py",
    "shelf/deep/json.py",
    "src/strings.h",
    "docs/diff.md",
  ])("not %s", (path) => {
    expect(shadow(path)).toBeNull();
  });
});
