import { describe, expect, test } from "vitest";
import { type Deciding, findDeciding } from "../../src/verifier/deciding-files.ts";
import { type FileChange, judgeChange } from "../../src/verifier/diff-policy.ts";
import { decidesChecks, holdsTests, isTestFile } from "../../src/verifier/guarded-files.ts";
import { countSkipMarkers } from "../../src/verifier/skip-markers.ts";

const tree: Record<string, string> = {
  "package.json": JSON.stringify({
    scripts: {
      test: "npm run lint && sh scripts/test.sh",
      lint: "eslint .",
      build: "tsc",
      deploy: "./deploy.sh",
      "check:a": "node tools/a.mjs src/a.js",
      all: "run-s 'check:*'",
    },
  }),
  "scripts/test.sh": '#!/bin/sh\n. ./scripts/env.sh\nexec ./bin/run "$@"\n',
  "scripts/env.sh": "export A=1\n",
  "bin/run": "#!/bin/sh\nvitest run\n",
  "tools/a.mjs": "",
  "src/a.js": "",
  Makefile: "test:\n\tpython3 scripts/check.py src/a.js\n",
  "scripts/check.py": "",
};

function decide(...commands: string[]): Promise<Deciding> {
  return findDeciding(commands, Object.keys(tree), async (path) => tree[path] ?? null);
}

describe("what decides how a check runs", () => {
  test("npm scripts, shell scripts and what they call in turn", async () => {
    const { scripts, files, texts } = await decide("npm test");
    expect([...scripts].filter((name) => !/^(pre|post)/.test(name)).sort()).toEqual([
      "lint",
      "test",
    ]);
    expect(scripts.has("pretest")).toBe(true);
    expect([...files].sort()).toEqual(["bin/run", "scripts/env.sh", "scripts/test.sh"]);
    expect(texts).toContain("vitest run");
  });

  test.each([
    [["npm run all"], ["all", "check:a"], ["tools/a.mjs"]],
    [["make test"], [], ["Makefile", "scripts/check.py"]],
    [["node --run build"], ["build"], []],
    [["bash ./scripts/test.sh"], [], ["bin/run", "scripts/env.sh", "scripts/test.sh"]],
    [["cd sub && ../scripts/env.sh"], [], ["scripts/env.sh"]],
    [["cd web && node --import ../tools/a.mjs x.js"], [], ["tools/a.mjs"]],
    [["mocha --config=src/a.js"], [], ["src/a.js"]],
    [["npm ci"], ["install", "postinstall", "prepare", "preinstall"], []],
    [["pnpm run missing"], ["missing"], []],
    [["prettier --check src/a.js"], [], []],
  ])("%j", async (commands, scripts, files) => {
    const found = await decide(...commands);
    for (const name of scripts) expect(found.scripts.has(name), name).toBe(true);
    expect(found.scripts.has("deploy")).toBe(false);
    expect([...found.files].sort()).toEqual(files);
  });
});

describe("files by their names", () => {
  test.each([
    ["src/a.test.ts", true],
    ["src/a-spec.jsx", true],
    ["test/helpers.js", true],
    ["tests/fixtures/a.json", true],
    ["src/__snapshots__/a.snap", true],
    ["pkg/a_test.go", true],
    ["tests/test_a.py", true],
    ["spec/models/a_spec.rb", true],
    ["src/test/java/ATest.java", true],
    ["crate/src/tests.rs", true],
    ["src/attest.ts", false],
    ["src/latest.js", false],
    ["src/contest/a.ts", false],
    ["src/testing.ts", false],
    ["README.md", false],
  ])("%s is test material: %s", (path, expected) => {
    expect(isTestFile(path)).toBe(expected);
  });

  test.each([
    ["src/a.test.ts", true],
    ["test/plain.js", true],
    ["test/helpers.js", false],
    ["tests/conftest.py", false],
    ["tests/fixtures/a.py", false],
    ["tests/data.json", false],
  ])("%s holds tests: %s", (path, expected) => {
    expect(holdsTests(path)).toBe(expected);
  });

  test.each([
    ["vitest.config.ts", "node --test", true],
    ["packages/a/jest.config.js", "", true],
    [".mocharc.yml", "", true],
    ["playwright.config.ts", "", true],
    [".npmrc", "", true],
    ["tests/conftest.py", "", true],
    ["pytest.py", "", true],
    [".cargo/config.toml", "", true],
    [".deputy/config.yaml", "", true],
    ["Makefile", "make test", true],
    ["Makefile", "npm test", false],
    ["tsconfig.json", "tsc --noEmit", true],
    ["tsconfig.json", "node --test", false],
    ["eslint.config.js", "eslint .", true],
    ["eslint.config.js", "node --test", false],
    ["vite.config.ts", "vitest run", true],
    ["vite.config.ts", "node --test", false],
    ["src/config.ts", "vitest", false],
  ])("%s with `%s` decides: %s", (path, texts, expected) => {
    expect(decidesChecks(path, { texts, scripts: new Set(), files: new Set() })).toBe(expected);
  });

  test.each([
    ["a.test.ts", "it.skip('a'); test.only('b'); xit('c'); test('d', { skip: true }, f)", 4],
    ["a.test.ts", "skipper(); iterator.next(); limit('a')", 0],
    [
      "test_a.py",
      "@pytest.mark.skipif(x)\n@unittest.skip('a')\nself.skipTest('b')\npytest.skip('c')",
      4,
    ],
    ["a_test.go", "t.Skip()\nt.SkipNow()\nskip()", 2],
    ["tests.rs", "#[ignore]\n#[test]", 1],
    ["ATest.java", "@Disabled\n@Test", 1],
    ["a.txt", "it.skip", 0],
  ])("%s: %s", (path, text, count) => {
    expect(countSkipMarkers(path, text)).toBe(count);
  });
});

describe("the policy", () => {
  type Texts = { base: string | null; now: string | null };
  const deciding: Deciding = {
    texts: "npm test\nvitest run && pytest",
    scripts: new Set(["pretest", "test", "posttest"]),
    files: new Set(["scripts/test.sh"]),
  };

  function judge(changes: FileChange[], texts: Record<string, Texts> = {}, allow = false) {
    return judgeChange({
      changes,
      texts: new Map(Object.entries(texts)),
      deciding,
      protectedPaths: [".deputy/**", "infra/", "*.lock"],
      allowTestChanges: allow,
    });
  }
  const edit = (
    path: string,
    base: unknown,
    now: unknown,
    status: FileChange["status"] = "modified",
  ) =>
    judge([{ path, status }], {
      [path]: {
        base: typeof base === "string" ? base : base && JSON.stringify(base, null, 2),
        now: typeof now === "string" ? now : now && JSON.stringify(now, null, 2),
      } as Texts,
    });
  const messages = (policy: ReturnType<typeof judge>) =>
    policy.findings.map(({ message }) => message);

  test.each([
    ["infra/a/b.tf", true],
    ["infra", true],
    [".deputy/x/y", true],
    ["a.lock", true],
    ["sub/a.lock", false],
    ["infrastructure/a", false],
  ])("%s is protected: %s", (path, expected) => {
    const { findings } = judge([{ path, status: "added" }], {}, true);
    expect(findings.some(({ rule, blocking }) => rule === "protected_path" && blocking)).toBe(
      expected,
    );
  });

  test("what decides is put back; what was added is taken away", () => {
    const policy = judge([
      { path: "vitest.config.ts", status: "added" },
      { path: "scripts/test.sh", status: "modified" },
      { path: "pytest.ini", status: "deleted" },
      { path: "node_modules/.bin/vitest", status: "added" },
      { path: "src/a.ts", status: "modified" },
    ]);
    expect(policy.remove).toEqual(["vitest.config.ts", "node_modules/.bin/vitest"]);
    expect(policy.restore).toEqual(["scripts/test.sh", "pytest.ini"]);
    expect(policy.findings.map(({ rule, blocking, paths }) => [rule, blocking, paths[0]])).toEqual([
      ["check_changed", true, "vitest.config.ts"],
      ["check_changed", true, "scripts/test.sh"],
      ["check_changed", true, "pytest.ini"],
      ["check_changed", false, "node_modules/.bin/vitest"],
    ]);
    expect(judge([{ path: ".npmrc", status: "added" }], {}, true).findings[0]?.blocking).toBe(
      false,
    );
  });

  test("tests: new ones are welcome, altered ones are remembered, deleted ones are a finding", () => {
    const policy = judge([
      { path: "test/new.test.js", status: "added" },
      { path: "test/a.test.js", status: "modified" },
      { path: "test/b.test.js", status: "deleted" },
      { path: "test/data.json", status: "deleted" },
    ]);
    expect(policy.alteredTests).toEqual(["test/a.test.js", "test/b.test.js", "test/data.json"]);
    expect(messages(policy)).toEqual(["test files were deleted: test/b.test.js"]);
    expect(policy.remove).toEqual([]);
  });

  test("package.json: dependencies and unused scripts are free, the rest is put back", () => {
    const base = {
      scripts: { test: "vitest run", build: "tsc" },
      devDependencies: { vitest: "^4" },
    };
    const honest = {
      ...base,
      scripts: { ...base.scripts, build: "tsc -b", docs: "x" },
      dependencies: { left: "1" },
    };
    expect(edit("package.json", base, honest)).toMatchObject({ findings: [], rewrite: [] });
    const changed = {
      ...honest,
      scripts: { ...honest.scripts, test: "true", pretest: "rm -r test" },
      vitest: { a: 1 },
    };
    const policy = edit("package.json", base, changed);
    expect(messages(policy)[0]).toContain(
      'package.json scripts.pretest: (none) → "rm -r test"; scripts.test: "vitest run" → "true"; vitest: (none) → {"a":1}',
    );
    expect(policy.rewrite).toEqual([
      { path: "package.json", text: JSON.stringify(honest, null, 2) },
    ]);
  });

  test.each([
    ["a runner from a folder", { devDependencies: { vitest: "file:./fake" } }],
    ["a runner under another name", { overrides: { vitest: "npm:fake@1" } }],
    ["no JSON", "{"],
    ["not an object", "[]"],
  ])("package.json with %s is a finding", (_, now) => {
    expect(edit("package.json", { devDependencies: { vitest: "^4" } }, now).findings).toHaveLength(
      1,
    );
  });

  test("package.json that is broken, deleted or a link comes back whole", () => {
    expect(edit("package.json", {}, "{").restore).toEqual(["package.json"]);
    expect(edit("package.json", {}, null, "deleted").restore).toEqual(["package.json"]);
    expect(edit("package.json", {}, null, "type_changed").restore).toEqual(["package.json"]);
    expect(edit("package.json", null, null, "added").remove).toEqual(["package.json"]);
    expect(
      edit("packages/new/package.json", null, { scripts: { test: "x" } }, "added").findings,
    ).toEqual([]);
  });

  test("pyproject.toml: only the sections that decide", () => {
    const base = '[project]\nname = "a"\n\n[tool.pytest.ini_options]\naddopts = "-v"\n';
    expect(edit("pyproject.toml", base, `${base}\n[tool.other]\na = 1\n`).findings).toEqual([]);
    expect(edit("pyproject.toml", base, `# hi\n${base.replace('"a"', '"b"')}`).findings).toEqual(
      [],
    );
    const policy = edit(
      "pyproject.toml",
      base,
      base.replace("-v", "--deselect x").replace('"a"', '"b"'),
    );
    expect(messages(policy)[0]).toContain("pyproject.toml section [tool.pytest.ini_options]");
    expect(policy.rewrite[0]?.text).toContain('name = "b"');
    expect(policy.rewrite[0]?.text).toContain('addopts = "-v"');
    expect(policy.rewrite[0]?.text).not.toContain("deselect");
  });

  test.each([
    ['tool.pytest.ini_options.addopts = "-k x"\n[project]\n'],
    ['[tool]\npytest = { ini_options = { addopts = "-k x" } }\n'],
    ['["tool" . "pytest".ini_options]\naddopts = "-k x"\n'],
    ['["t\\u006fol".pytest.ini_options]\n"add\\u006fpts" = "-k x"\n'],
  ])("pytest's settings do not hide in %j", (text) => {
    expect(edit("pyproject.toml", "[project]\n", text).findings).toHaveLength(1);
  });

  test("setup.cfg and Cargo.toml", () => {
    const cfg = "[metadata]\nname = a\n";
    expect(edit("setup.cfg", cfg, `${cfg}[tool:pytest]\naddopts = -k x\n`).findings).toHaveLength(
      1,
    );
    expect(edit("setup.cfg", cfg, cfg.replace("a", "b")).findings).toEqual([]);
    const cargo = '[package]\nname = "a"\n';
    expect(messages(edit("Cargo.toml", cargo, `${cargo}autotests = false\n`))[0]).toContain(
      "autotests = false",
    );
    expect(edit("Cargo.toml", cargo, `${cargo}[dependencies]\nserde = "1"\n`).findings).toEqual([]);
  });
});
