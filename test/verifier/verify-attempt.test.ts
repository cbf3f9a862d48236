import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { acceptanceCheck, type Verdict } from "../../src/core/proof/verdict.ts";
import type { Baseline } from "../../src/core/task/task.ts";
import { runBaseline } from "../../src/verifier/checks/baseline.ts";
import { concludeUnchanged } from "../../src/verifier/checks/conclude.ts";
import { type Files, makeCheck, surroundings, TestRepository, verify } from "./repository.ts";

/** A project with a real bug: `add` subtracts, one of its tests says so, two others pass. */
const project: Files = {
  "package.json": `${JSON.stringify({ name: "p", type: "module", scripts: { test: "node --test --test-reporter=tap" } }, null, 2)}\n`,
  "src/math.js": "export const add = (a, b) => a - b;\nexport const multiply = (a, b) => a * b;\n",
  "test/math.test.js": `import { test } from "node:test";
import assert from "node:assert";
import { add, multiply } from "../src/math.js";
test("adds", () => assert.equal(add(1, 2), 3));
test("multiplies", () => assert.equal(multiply(2, 3), 6));
`,
  "test/zero.test.js": `import { test } from "node:test";
import assert from "node:assert";
import { multiply } from "../src/math.js";
test("multiplies by zero", () => assert.equal(multiply(2, 0), 0));
`,
  "run-tests.sh": "#!/bin/sh\nnode --test --test-reporter=tap\n",
};
const fix = {
  "src/math.js": "export const add = (a, b) => a + b;\nexport const multiply = (a, b) => a * b;\n",
};
const direct = makeCheck("node --test");
const script = makeCheck("npm test");
const shell = makeCheck("./run-tests.sh");
const accepted = makeCheck("npm test", { kind: "acceptance", source: "caller" });

let repository: TestRepository;
let base: string;
let baseline: Baseline;

beforeAll(async () => {
  repository = await TestRepository.create();
  base = await repository.commit(project);
  const checks = [direct, script, shell];
  baseline = await runBaseline({
    ...surroundings(repository, await repository.mirror()),
    baseCommit: base,
    checks,
  });
});
afterAll(async () => {
  expect(await readdir(repository.workRoot)).toEqual([]);
  await repository.remove();
});

async function judge(
  change: Files,
  check = direct,
  more: Parameters<typeof verify>[4] = {},
): Promise<Verdict> {
  const commit = await repository.commit(change, base);
  return verify(repository, base, commit, [check], { baseline, ...more });
}

function rules(verdict: Verdict): string[] {
  return verdict.findings.map(({ rule, blocking }) => (blocking ? rule : `(${rule})`));
}

describe("a change judged on a base whose tests are partly red", () => {
  test("the baseline names the tests of the base", () => {
    expect(baseline.runs[direct.name]).toMatchObject({ status: "red", exitCode: 1 });
    expect(baseline.runs[direct.name]?.tests).toMatchObject({
      files: ["test/math.test.js", "test/zero.test.js"],
      tests: {
        "test/math.test.js > adds": "failed",
        "test/math.test.js > multiplies": "passed",
        "test/zero.test.js > multiplies by zero": "passed",
      },
    });
  });

  test("an honest fix passes, and says which test it mended", async () => {
    const verdict = await judge({
      ...fix,
      "test/more.test.js": `import { test } from "node:test";\ntest("new one", () => {});\n`,
    });
    expect(verdict).toMatchObject({ result: "pass", findings: [], summary: "1 check passes" });
    expect(verdict.checks[0]).toMatchObject({
      reason: "green, red before",
      newlyPassing: ["test/math.test.js > adds"],
      rerun: null,
    });
  });

  test("an unrelated change passes a regression check that was red before, and fails acceptance", async () => {
    const change = { "README.md": "hello\n" };
    const regression = await judge(change);
    expect(regression).toMatchObject({ result: "pass" });
    expect(regression.checks[0]?.reason).toBe("red before too: the same 1 test fails");
    const acceptance = await judge(change, { ...direct, kind: "acceptance" });
    expect(acceptance.result).toBe("fail");
    expect(acceptance.summary).toContain("exit 1: 1 test fails");
    expect(acceptance.checks[0]?.rerun?.status).toBe("red");
  });

  test("a newly failing test is named among those that failed already", async () => {
    const verdict = await judge({
      "src/math.js": "export const add = (a, b) => a - b;\nexport const multiply = () => 6;\n",
    });
    expect(verdict.result).toBe("fail");
    expect(verdict.checks[0]).toMatchObject({
      newlyFailing: ["test/zero.test.js > multiplies by zero"],
      reason: "1 test fails newly; 1 failed before too",
    });
    expect(verdict.findings).toEqual([]);
  });

  test("a file that no longer loads fails by name and is not taken for removed tests", async () => {
    const verdict = await judge({ "src/math.js": "export const add = (a, b) => a + b;\n" });
    expect(verdict.result).toBe("fail");
    expect(verdict.checks[0]?.newlyFailing).toContain("test/math.test.js (whole file)");
    expect(verdict.findings).toEqual([]);
  });

  test("an attempt that changed nothing had nothing to do only where each check is green, not as red as before", async () => {
    const judged = await judge({}, direct);
    expect(judged.result).toBe("pass");
    const verdict = concludeUnchanged(judged);
    expect(verdict).toMatchObject({ result: "fail", unchanged: true });
    expect(verdict.summary).toMatch(/^no change: .*not every check is green/);
    const green = await verify(repository, base, base, [acceptanceCheck("true", "caller")]);
    expect(concludeUnchanged(green)).toMatchObject({ result: "pass", unchanged: true });
    const nothing = await verify(repository, base, base, []);
    expect(concludeUnchanged(nothing).result).toBe("fail");
  });

  test("without checks a pass says that nothing was checked", async () => {
    const commit = await repository.commit(fix, base);
    const verdict = await verify(repository, base, commit, []);
    expect(verdict).toMatchObject({ result: "pass", summary: "nothing was checked" });
    expect(verdict.notChecked[0]).toContain("nothing was checked");
  });
});

/** The files that somebody has to accept, with what is shown to be weaker. */
function held(verdict: Verdict): string[] {
  return (verdict.judges ?? []).map(({ path, weaker }) => (weaker ? `${path}: ${weaker}` : path));
}

describe("a change that makes checks green the wrong way", () => {
  test("deleting the failing test", async () => {
    const verdict = await judge({
      "test/math.test.js": (project["test/math.test.js"] as string).replace(/test\("adds".*\n/, ""),
    });
    expect(verdict.result).toBe("fail");
    expect(held(verdict)).toEqual([expect.stringMatching(/^test\/math\.test\.js: .*adds/)]);
    expect(verdict.findings.map(({ message }) => message)).toContain(
      "1 test ran on the base and is gone: test/math.test.js > adds",
    );
  });

  test("deleting the test file", async () => {
    const verdict = await judge({ "test/math.test.js": null });
    expect(verdict.result).toBe("fail");
    expect(held(verdict)).toEqual([expect.stringMatching(/^test\/math\.test\.js: /)]);
  });

  test("skipping it", async () => {
    const verdict = await judge({
      "test/math.test.js": (project["test/math.test.js"] as string).replace(
        `test("adds"`,
        `test.skip("adds"`,
      ),
    });
    expect(verdict.result).toBe("fail");
    expect(held(verdict)).toEqual([expect.stringMatching(/^test\/math\.test\.js: .*skip/)]);
    expect(rules(verdict)).toContain("(tests_skipped)");
  });

  test("weakening its assertion", async () => {
    const weak = {
      "test/math.test.js": (project["test/math.test.js"] as string).replace(
        "assert.equal(add(1, 2), 3)",
        "assert.ok(add(1, 2))",
      ),
    };
    const verdict = await judge(weak);
    expect(verdict.result).toBe("fail");
    expect(held(verdict)).toEqual([expect.stringContaining("assert.equal(add(1, 2), 3)")]);
    expect(rules(verdict)).toEqual(["(tests_weakened)", "(green_without_source)"]);
    expect(verdict.causes).toEqual([
      { check: direct.name, paths: ["test/math.test.js"], smallest: true, bySource: false },
    ]);
    const allowed = await judge(weak, direct, { allowTestChanges: true });
    expect(allowed.result).toBe("pass");
    expect(allowed.judges?.[0]?.accepted?.by).toBe("flag");
  });

  test("adding tests to a file is fine when the originals pass too", async () => {
    const verdict = await judge({
      ...fix,
      "test/math.test.js": `${project["test/math.test.js"]}test("adds more", () => assert.equal(add(2, 2), 4));\n`,
    });
    expect(verdict).toMatchObject({ result: "pass", findings: [], judges: [] });
    expect(verdict.causes).toMatchObject([{ paths: ["src/math.js"], bySource: true }]);
    const results = verdict.experiments?.map(({ kind, result }) => `${kind} ${result}`);
    expect(results).toEqual(
      expect.arrayContaining(["canary shown", "old_judges shown", "old_source shown"]),
    );
  });

  test("making the test script mean nothing", async () => {
    for (const text of [
      JSON.stringify({ name: "p", type: "module", scripts: { test: "true" }, dependencies: {} }),
      `\ufeff{"scripts":{"test":"true"}}`,
    ]) {
      const verdict = await judge({ "package.json": text }, accepted);
      expect(verdict.result).not.toBe("pass");
      expect(held(verdict)).toEqual([expect.stringMatching(/^package\.json/)]);
    }
  });

  test("redirecting the package manager, or adding a hook", async () => {
    const shell = await judge({ ".npmrc": "script-shell=/bin/true\n" }, accepted);
    expect(shell.result).not.toBe("pass");
    expect(held(shell)).toEqual([".npmrc"]);
    const hook = await judge(
      {
        "package.json": `{"type":"module","scripts":{"test":"node --test --test-reporter=tap","pretest":"rm -rf test"}}`,
      },
      script,
    );
    expect(hook.result).not.toBe("pass");
    expect(held(hook)).toEqual([expect.stringMatching(/^package\.json/)]);
  });

  test("changing the script that the check runs, even into a link", async () => {
    for (const replacement of ["#!/bin/sh\ntrue\n", { link: "/bin/true" }]) {
      const verdict = await judge(
        { "run-tests.sh": replacement },
        { ...shell, kind: "acceptance" },
      );
      expect(verdict.result).not.toBe("pass");
      expect(held(verdict)).toEqual([expect.stringMatching(/^run-tests\.sh/)]);
    }
  });

  test("touching a protected path", async () => {
    const verdict = await judge({ ...fix, ".github/workflows/ci.yml": "on: push\n" });
    expect(verdict.result).toBe("fail");
    expect(verdict.judges).toMatchObject([
      { path: ".github/workflows/ci.yml", kind: "protected", weaker: null, accepted: null },
    ]);
    const allowed = await judge({ ".deputy/config.yaml": "checks: ['true']\n" }, direct, {
      allowTestChanges: true,
    });
    expect(allowed.result).toBe("fail");
  });

  test("replacing the folder of the tests by a link", async () => {
    const verdict = await judge({
      "test/math.test.js": null,
      "test/zero.test.js": null,
      test: { link: "elsewhere" },
      "elsewhere/a.test.js": `import { test } from "node:test";\ntest("multiplies", () => {});\n`,
    });
    expect(verdict.result).not.toBe("pass");
    expect(held(verdict).join()).toContain("test/math.test.js");
  });

  test("source that writes over a test as it is loaded", async () => {
    const rewrite = `import { appendFileSync } from "node:fs";
appendFileSync(new URL("../test/zero.test.js", import.meta.url), "// seen\\n");
`;
    const verdict = await judge({ "src/math.js": `${rewrite}${fix["src/math.js"]}` });
    expect(verdict.result).toBe("fail");
    expect(verdict.findings.map(({ message }) => message).join()).toContain(
      "writes over test/zero.test.js",
    );
    expect(verdict.judges).toMatchObject([{ path: "test/zero.test.js", accepted: null }]);
  });

  test("ending the process before the tests have run", async () => {
    const verdict = await judge({ "src/math.js": `${fix["src/math.js"]}process.exit(0);\n` });
    expect(verdict.result).toBe("fail");
    expect(rules(verdict)).toEqual(["check_silenced"]);
  });
});

test("data that the command of a check looks at is the work, not its judge", async () => {
  const commit = await repository.commit({ "notes.txt": "hello\n" }, base);
  const more = await repository.commit({ "notes.txt": "hello\nworld\n" }, commit);
  const checks = ["grep -q world notes.txt", "test -e notes.txt"].map((command) =>
    makeCheck(command, { kind: "acceptance", source: "caller" }),
  );
  const verdict = await verify(repository, commit, more, checks);
  expect(verdict).toMatchObject({ result: "pass", judges: [] });
  expect(verdict.causes).toMatchObject([{ paths: ["notes.txt"], bySource: true }]);
  const run = await repository.commit(
    { "expect.dat": "5\n", "run.sh": 'test "$(cat expect.dat)" = 6\n' },
    base,
  );
  const cheat = await repository.commit({ "expect.dat": "6\n" }, run);
  const held = await verify(repository, run, cheat, [
    makeCheck("sh run.sh", { kind: "acceptance", source: "caller" }),
  ]);
  expect(held.result).toBe("fail");
  expect(held.judges).toMatchObject([{ path: "expect.dat", accepted: null }]);
});

test("a check that runs no test is inconclusive, red as it was before, also beside a green one", async () => {
  const commit = await repository.commit({ "src/math.js": "export const broken = 1;\n" }, base);
  const checks = [
    makeCheck("true", { kind: "acceptance", source: "caller" }),
    makeCheck("node --env-file=missing.env --test"),
  ];
  const verdict = await verify(repository, base, commit, checks);
  expect(verdict.result).toBe("inconclusive");
  expect(verdict.summary).toContain("runs no test");
});
