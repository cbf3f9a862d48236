import { expect, test } from "vitest";
import { acceptanceCheck, type JudgeChange, type Verdict } from "../../src/core/proof/verdict.ts";
import type { Subtask, Task } from "../../src/core/task/task.ts";
import { buildReceipt } from "../../src/delivery/receipt/receipt.ts";
import { renderReceipt } from "../../src/delivery/receipt/render-receipt.ts";

/** "Verified" is the word that people rely on: it is said only of what was checked as a whole. */
const at = new Date(0);
const task = {
  id: "task_1",
  state: "completed",
  goal: "Two things",
  repository: "/here",
  planInput: null,
  expectsChange: true,
  preparation: null,
  headCommit: "c",
  origin: { source: "http" },
  createdAt: at,
  endedAt: at,
  endDetail: null,
} as unknown as Task;

function verdict(checks: number): Verdict {
  const run = {
    ...{
      commit: "c",
      startedAt: "",
      durationMs: 1,
      exitCode: 0,
      status: "green",
      detail: "exit 0",
    },
    ...{ outputTail: "", logPath: null, tests: null },
  } as const;
  const check = acceptanceCheck("true", "plan");
  const result = {
    ...{ check, run, rerun: null, baseline: null, result: "pass", reason: "green" },
    ...{ newlyFailing: [], newlyPassing: [] },
  } as const;
  return {
    ...{ result: "pass", summary: "", findings: [], notChecked: [] },
    checks: Array.from({ length: checks }, () => ({ ...result })),
  } as Verdict;
}

const subtask = (key: string, checks: number, integratedCommit = "c") =>
  ({
    ...{ id: key, key, title: key, dependsOn: [], writes: [], agent: "builtin" },
    ...{
      state: "completed",
      integratedCommit,
      checks: verdict(checks).checks.map(({ check }) => check),
    },
    ...{ verdict: verdict(checks), gateVerdict: verdict(checks) },
  }) as unknown as Subtask;

const receiptOf = (...subtasks: Subtask[]) =>
  buildReceipt({
    task,
    subtasks,
    attempts: [],
    usage: [],
    plans: [],
    messages: [],
    delivery: null,
  });

test("work of which one part had no check is not verified, and the receipt says which", () => {
  expect(receiptOf(subtask("a", 1), subtask("b", 2)).verified).toBe(true);
  const receipt = receiptOf(subtask("a", 1), subtask("b", 0));
  expect(receipt.verified).toBe(false);
  expect(receipt.verdict).toContain('"b"');
  expect(receiptOf(subtask("a", 0)).verdict).toBe("no check was run");
});

test("a check that ran before the last merge is no check of the whole, and the receipt says so", () => {
  const told = receiptOf(subtask("a", 1, "b"), subtask("b", 1)).not_checked;
  expect(told).toContain('The checks of "a" were not run again on what was merged after it.');
  expect(told.join()).not.toContain('"b"');
});

test("a check that fails with and without the change proves nothing, unless it names the tests", () => {
  const red = { exitCode: 1, status: "red" } as const;
  const tests = { format: "tap", listed: "all", tests: { a: "failed", b: "passed" } } as const;
  const allRed = { ...tests, tests: { a: "failed" } };
  const make = (more: object) => {
    const one = subtask("a", 1);
    for (const { run } of [one.verdict, one.gateVerdict].flatMap((each) => each?.checks ?? [])) {
      Object.assign(run, red, more);
    }
    for (const result of [one.verdict, one.gateVerdict].flatMap((each) => each?.checks ?? [])) {
      result.baseline = result.run;
    }
    return receiptOf(one);
  };
  expect(make({})).toMatchObject({
    verified: false,
    verdict: expect.stringContaining("fails with and without the change"),
  });
  expect(make({ tests: allRed }).headline).toBe("Not verified");
  expect(make({ tests })).toMatchObject({
    verified: true,
    // The word does not stand alone over it.
    headline: "Verified, but `true` is red with and without the change",
    verdict: expect.stringContaining("nothing fails that did not fail before"),
  });
});

const judge: JudgeChange = {
  ...{ path: "test/a.snap", status: "modified", kind: "fixture", why: "tests read it" },
  ...{ content: "c1", weaker: null, accepted: { by: "goal", evidence: "Update a.snap" } },
};

test("its words say where the checks passed", () => {
  const forwarded = (key: string) => ({ ...subtask(key, 1), gateVerdict: null });
  const where = (...subtasks: Subtask[]) =>
    /\*\*Verified\*\*: every check passed (.*)\./.exec(renderReceipt(receiptOf(...subtasks)))?.[1];
  expect(where(forwarded("a"))).toBe("on the commit that is delivered");
  expect(where(forwarded("a"), forwarded("b"))).toBe("on each part's commit");
  expect(where(subtask("a", 1))).toBe("on the attempt's commit and again after the merge");
  expect(where(forwarded("a"), subtask("b", 1))).toBe(
    "on each part's commit and again after each merge",
  );
});

test("three headlines, and under each what it stands on", () => {
  expect(receiptOf(subtask("a", 1)).headline).toBe("Verified");
  const changed = subtask("a", 1);
  Object.assign(changed.gateVerdict ?? {}, {
    judges: [judge],
    causes: [{ check: "npm test", paths: ["src/a.js"], smallest: true, bySource: true }],
    experiments: [
      {
        ...{ kind: "canary", check: "npm test", command: "npm test", tree: "f".repeat(40) },
        ...{ result: "shown", says: "tests that must fail do", durationMs: 1_500 },
      },
    ],
  } satisfies Partial<Verdict>);
  const receipt = receiptOf(changed);
  expect(receipt).toMatchObject({
    verified: true,
    judges: [{ path: "test/a.snap", subtask: "a" }],
  });
  expect(receipt.headline).toBe(
    "Verified, but its judges changed: look at test/a.snap (tests read it; accepted by the goal)",
  );
  const page = renderReceipt(receipt);
  expect(page).toContain(`**${receipt.headline}**`);
  expect(page).toContain("`npm test` turned green because of src/a.js");
  expect(page).toContain('tests read it): accepted by the goal: "Update a.snap"');
  expect(page).toContain(`canary, shown: tests that must fail do (\`npm test\` on tree`);
  const held = subtask("a", 1);
  const open = { result: "fail", judges: [{ ...judge, accepted: null }] } as const;
  Object.assign(held, { state: "waiting", gateVerdict: null });
  Object.assign(held.verdict ?? {}, open);
  expect(receiptOf(held)).toMatchObject({
    verified: false,
    headline: "Not verified",
    verdict: expect.stringContaining("nobody has accepted that the change edits what judges it"),
  });
});

test("a headline stays one line, whatever files are called and however many there are", () => {
  const changed = subtask("a", 1);
  const judges = Array.from({ length: 500 }, (_, at) => ({
    ...judge,
    path: `x${at}\n# Verified\n${"y".repeat(900)}`,
  }));
  Object.assign(changed.gateVerdict ?? {}, { judges });
  const { headline } = receiptOf(changed);
  expect(headline.length).toBeLessThanOrEqual(600);
  expect(headline).not.toContain("\n");
  expect(renderReceipt(receiptOf(changed))).not.toMatch(/^# Verified/m);
});
