import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CheckRun, TestResults } from "../../src/core/proof/verdict.ts";
import { runCheck } from "../../src/verifier/checks/run-checks.ts";
import {
  composeParts,
  type PartialFile,
  partsOf,
} from "../../src/verifier/experiments/change-parts.ts";
import { type CausesInput, findCauses } from "../../src/verifier/experiments/find-causes.ts";
import type { Half, SidedFile } from "../../src/verifier/sides/sides.ts";
import { makeCheck, TestRepository } from "./repository.ts";

function file(path: string, more: Partial<SidedFile> = {}): SidedFile {
  const isJudge = /^(test|fixtures)\//.test(path);
  return {
    path,
    from: null,
    status: "modified",
    side: isJudge ? "judge" : "source",
    kind: isJudge ? "test" : null,
    why: "",
    content: null,
    withOldJudges: isJudge ? "base" : "change",
    withOldSource: isJudge ? "change" : "base",
    needsAcceptance: isJudge,
    weaker: null,
    renamed: [],
    ...more,
  };
}

function run(exitCode: number, tests: Record<string, "passed" | "failed"> | null = null): CheckRun {
  const results: TestResults | null = tests && { format: "tap", listed: "all", tests };
  return {
    ...{ commit: "c", startedAt: "", durationMs: 1, exitCode, outputTail: "", logPath: null },
    status: exitCode === 0 ? "green" : "red",
    detail: `exit ${exitCode}`,
    tests: results,
  };
}

const check = makeCheck("npm test", { kind: "acceptance" });

/** The check turned green by the rule: with these files of the change it is green. */
function causesOf(
  files: SidedFile[],
  rule: (paths: string[]) => boolean,
  more: Partial<CausesInput> = {},
) {
  let count = 0;
  const tried = (paths: string[]) => ({
    run: run(rule(paths) ? 0 : 1),
    tree: paths.join("+") || "base",
  });
  const pathsOf = (want: (file: SidedFile) => Half) =>
    files.filter((each) => want(each) === "change").map(({ path }) => path);
  const asked: string[] = [];
  const found = findCauses({
    files,
    checks: [
      {
        check,
        base: run(1),
        change: run(0),
        oldJudges: tried(pathsOf(({ withOldJudges }) => withOldJudges)),
        oldSource: tried(pathsOf(({ withOldSource }) => withOldSource)),
      },
    ],
    changeTree: "change",
    tryFiles: async (_, some) => {
      count++;
      const paths = some.map(({ path }) => path);
      asked.push(paths.join("+"));
      return tried(paths);
    },
    readBoth: async () => ({ base: null, change: null }),
    budget: { narrowingRuns: 8 },
    deadline: Number.POSITIVE_INFINITY,
    isAccepted: () => false,
    ...more,
  });
  return found.then((result) => ({ ...result, count, asked }));
}

describe("what turned a check green", () => {
  test("one source file, though tests changed too: no run but those that were made", async () => {
    const { causes, count, experiments, findings } = await causesOf(
      [file("src/total.js"), file("test/total.test.js")],
      (paths) => paths.includes("src/total.js"),
    );
    expect(causes).toEqual([
      { check: "npm test", paths: ["src/total.js"], smallest: true, bySource: true },
    ]);
    expect([count, findings]).toEqual([0, []]);
    expect(experiments[0]).toMatchObject({
      kind: "narrowing",
      tree: "src/total.js",
      result: "shown",
      says: "`npm test` turned green because of src/total.js.",
    });
  });

  test("a fixture without any source is a finding, and blocks unless it was accepted", async () => {
    const files = [file("src/total.js"), file("fixtures/expected.json", { kind: "fixture" })];
    const rule = (paths: string[]) => paths.includes("fixtures/expected.json");
    const { causes, experiments, findings } = await causesOf(files, rule);
    expect(causes[0]).toMatchObject({ paths: ["fixtures/expected.json"], bySource: false });
    expect(experiments[0]?.result).toBe("refuted");
    expect(findings).toEqual([
      {
        rule: "green_without_source",
        blocking: true,
        message:
          "`npm test` turned green because of fixtures/expected.json, without any source: no program's behaviour changed",
        paths: ["fixtures/expected.json"],
      },
    ]);
    const accepted = await causesOf(files, rule, { isAccepted: () => true });
    expect(accepted.findings[0]?.blocking).toBe(false);
  });

  test("a base that is green when it runs again is flaky: no judge is to blame", async () => {
    const { causes, experiments, findings, notes } = await causesOf(
      [file("test/a.js")],
      () => true,
    );
    expect([causes, findings]).toEqual([[], []]);
    expect(experiments).toMatchObject([{ kind: "repetition", result: "open" }]);
    expect(notes).toEqual([
      "`npm test` was red without the change, and is green without it when it runs again: that it is green with it shows nothing.",
    ]);
  });

  test("source and test together, among other files, and what stays open is said", async () => {
    const files = ["src/a.js", "src/b.js", "src/c.js", "test/a.js", "test/b.js"].map((path) =>
      file(path),
    );
    const rule = (paths: string[]) => paths.includes("src/b.js") && paths.includes("test/b.js");
    const found = await causesOf(files, rule);
    expect(found.causes[0]).toMatchObject({
      paths: ["src/b.js", "test/b.js"],
      smallest: true,
      bySource: true,
    });
    const quick = await causesOf(files, rule, { budget: { narrowingRuns: 1 } });
    expect(quick.causes[0]).toMatchObject({ smallest: false, bySource: true });
    expect(quick.notes).toEqual([
      "What turned `npm test` green was not narrowed down further than src/a.js, src/b.js, src/c.js, test/a.js, test/b.js: it ended after 1 run.",
    ]);
  });

  test("tests inside the source: the half that did it is named, then its lines", async () => {
    const base = "fn total() { 4 }\nfn a() {}\nfn b() {}\nmod tests { 5 }\n";
    const source = "fn total() { 5 }\nfn a() {}\nfn b() { 1 }\nmod tests { 5 }\n";
    const tests = "fn total() { 4 }\nfn a() {}\nfn b() {}\nmod tests { 4 }\n";
    const mixed = file("src/lib.rs", {
      side: "mixed",
      kind: "test",
      withOldJudges: { text: source },
      withOldSource: { text: tests },
    });
    const green = async (want: string) => {
      const asked: PartialFile[][] = [];
      const found = await causesOf([mixed], () => false, {
        budget: { narrowingRuns: 40 },
        readBoth: async () => ({ base, change: null }),
        tryFiles: async (_, some) => {
          asked.push(some);
          const content = some[0]?.content;
          const text = typeof content === "object" ? content.text : "";
          return { run: run(text.includes(want) ? 0 : 1), tree: "t" };
        },
        checks: [{ check, base: run(1), change: run(0), oldJudges: null, oldSource: null }],
      });
      return { ...found, asked };
    };
    const bySource = await green("total() { 5 }");
    expect(bySource.causes[0]).toMatchObject({ paths: ["src/lib.rs"], bySource: true });
    expect(bySource.experiments[0]?.says).toBe(
      "`npm test` turned green because of src/lib.rs (src/lib.rs:1); 2 runs to find out.",
    );
    const byTests = await green("tests { 4 }");
    expect(byTests.causes[0]).toMatchObject({ bySource: false });
    expect(byTests.findings[0]?.message).toContain("because of the tests in src/lib.rs");
  });

  test("a check that was green, timed out or did not run on the base has no cause", async () => {
    const files = [file("src/a.js")];
    for (const base of [null, run(0), { ...run(1), status: "inconclusive" as const }]) {
      const checks = [{ check, base, change: run(0), oldJudges: null, oldSource: null }];
      expect((await causesOf(files, () => true, { checks })).causes).toEqual([]);
    }
    const base = { ...run(127), status: "inconclusive" as const, detail: "could not start: x" };
    const checks = [{ check, base, change: run(0), oldJudges: null, oldSource: null }];
    expect((await causesOf(files, () => true, { checks })).causes).toHaveLength(1);
  });

  test("of a check that stays red, the tests that turned green have a cause", async () => {
    const tests = (a: "passed" | "failed") => run(1, { a, b: "failed" });
    const checks = [
      {
        check: makeCheck("npm test"),
        base: tests("failed"),
        change: tests("passed"),
        oldJudges: { run: tests("failed"), tree: "j" },
        oldSource: { run: tests("passed"), tree: "s" },
      },
    ];
    const found = await causesOf([file("src/a.js"), file("test/a.js")], () => false, { checks });
    expect(found.causes[0]).toMatchObject({ paths: ["test/a.js"], bySource: false });
  });
});

describe("new tests", () => {
  const files = [file("src/a.js"), file("test/a.js", { status: "added" })];
  const tried = (oldSource: CheckRun) => ({
    check: makeCheck("npm test"),
    base: run(0, { old: "passed" }),
    change: run(0, { old: "passed", one: "passed", two: "passed" }),
    oldJudges: null,
    oldSource: { run: oldSource, tree: "s" },
  });

  test.each([
    [
      run(1, { old: "passed", one: "failed", two: "failed" }),
      "shown",
      "2 new tests fail with the base's source and the change's tests, and pass with the change.",
      0,
    ],
    [
      run(1, { old: "passed", one: "failed", two: "passed" }),
      "shown",
      "1 of 2 new tests fail with the base's source and the change's tests, and pass with the change.",
      1,
    ],
    [run(1, { "test/a.js (whole file)": "failed" }), "shown", "2 new tests fail", 0],
    [run(1), "shown", "2 new tests fail", 0],
    [
      run(0, { old: "passed", one: "passed", two: "passed" }),
      "open",
      "2 new tests pass with the base's source and the change's tests too.",
      1,
    ],
  ])("%#: %o", async (oldSource, result, says, notes) => {
    const found = await causesOf(files, () => true, { checks: [tried(oldSource)] });
    expect(found.experiments).toHaveLength(1);
    expect(found.experiments[0]).toMatchObject({ kind: "old_source", result });
    expect(found.experiments[0]?.says).toContain(says);
    expect(found.notes).toHaveLength(notes);
    expect(found.findings).toEqual([]);
  });

  test("those that pass without the change are named", async () => {
    const oldSource = run(1, { old: "passed", one: "failed", two: "passed" });
    const { notes } = await causesOf(files, () => true, { checks: [tried(oldSource)] });
    expect(notes).toEqual([
      "1 new test passes without the change too, so that it does not show its effect: two.",
    ]);
  });
});

describe("with a real runner", () => {
  let repository: TestRepository;
  beforeAll(async () => {
    repository = await TestRepository.create();
  });
  afterAll(() => repository.remove());

  test("the one file of six that mends a module is found by running parts of the change", async () => {
    const names = ["a", "b", "c", "d", "e"];
    const base: Record<string, string> = Object.fromEntries([
      ...names.map((name) => [`src/${name}.js`, `export const ${name} = () => 1;\n`]),
      [
        "test/d.test.js",
        'import test from "node:test";\nimport assert from "node:assert";\nimport { d } from "../src/d.js";\ntest("d", () => assert.equal(d(), 2));\n',
      ],
      ["package.json", '{"type":"module"}'],
    ]);
    const texts: Record<string, string> = Object.fromEntries(
      names.map((name) => [`src/${name}.js`, `export const ${name} = () => 2;\n`]),
    );
    texts["README.md"] = "all is two\n";
    await repository.commit(base);
    const nodeTest = makeCheck("node --test", { kind: "acceptance" });
    const runOn = async (files: readonly PartialFile[]) => {
      const worktree = join(repository.source, "..", `try-${Math.random()}`);
      const all = { ...base };
      for (const { content, path } of files)
        if (content !== "base")
          all[path] = content === "change" ? (texts[path] ?? "") : content.text;
      for (const [path, text] of Object.entries(all)) {
        await mkdir(dirname(join(worktree, path)), { recursive: true });
        await writeFile(join(worktree, path), text);
      }
      const place = {
        ...{ worktree, commit: "c", env: {}, onProcess: () => {} },
        signal: new AbortController().signal,
      };
      const result = await runCheck(nodeTest, place, null);
      await rm(worktree, { recursive: true });
      return { run: result, tree: "t" };
    };
    const files = Object.keys(texts).map((path) => file(path));
    const [before, after] = [await runOn([]), await runOn(composeParts(partsOf(files)))];
    const found = await findCauses({
      files,
      checks: [
        { check: nodeTest, base: before.run, change: after.run, oldJudges: null, oldSource: null },
      ],
      changeTree: "t",
      tryFiles: (_, some) => runOn(some),
      readBoth: async () => ({ base: null, change: null }),
      budget: { narrowingRuns: 8 },
      deadline: Number.POSITIVE_INFINITY,
      isAccepted: () => false,
    });
    expect(found.causes).toEqual([
      { check: "node --test", paths: ["src/d.js"], smallest: true, bySource: true },
    ]);
  }, 60_000);
});
