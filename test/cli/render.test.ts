import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pc from "picocolors";
import { describe, expect, test } from "vitest";
import type { EventView } from "../../src/api/event.ts";
import { lookOfEvent } from "../../src/api/event-look.ts";
import type { TaskView } from "../../src/api/task/task.ts";
import type { TaskDetailView } from "../../src/api/task/task-detail.ts";
import { chooseRepository, findCheckout } from "../../src/cli/find-repository.ts";
import { parseSse } from "../../src/cli/parse-sse.ts";
import { renderEvent } from "../../src/cli/render/render-event.ts";
import { renderDetail, renderEnd } from "../../src/cli/render/render-task.ts";
import { renderWhy } from "../../src/cli/render/render-why.ts";
import { formatDuration, oneLine, plain, renderTable } from "../../src/cli/render/text.ts";
import { eventTypes } from "../../src/core/task/event.ts";
import { makeFolder } from "./helpers.ts";

const colors = pc.createColors(false);
const start = Date.parse("2026-01-01T00:00:00Z");
const at = (ms: number) => new Date(start + ms).toISOString();

describe("an event's line", () => {
  const event = (type: string, message: string, data = {}, ms = 0): EventView => ({
    ...{ seq: 1, id: "evt_1", task_id: "task_1", subtask_id: null, attempt_id: null },
    ...{ type, message, label: null, tone: null, data, at: at(ms) },
  });

  test.each<[EventView, string]>([
    [event("task.created", "Task accepted"), "   0.0s · task        Task accepted"],
    [event("task.planning", "Preparing", {}, 400), "   0.4s   plan        Preparing"],
    [event("attempt.progressed", "Ready", { step: "worktree" }), "   0.0s   worktree    Ready"],
    [event("attempt.started", "Attempt 1", {}, 125_000), "  2m05s · attempt     Attempt 1"],
    [event("check.finished", "npm test", { result: "pass" }), "   0.0s ✓ checks      npm test"],
    [event("check.finished", "npm test", { result: "fail" }), "   0.0s ✗ checks      npm test"],
    [event("recovery.decided", "Recovery: retry"), "   0.0s ! recovery    Recovery: retry"],
    [event("subtask.completed", "Merged"), "   0.0s ✓ integration Merged"],
    [event("task.completed", "Done\nreally"), "   0.0s ✓ delivery    Done really"],
    [event("moon.rose", "New"), "   0.0s · moon        New"],
    [event("constructor", "New"), "   0.0s · constructor New"],
  ])("%#", (input, line) => {
    expect(renderEvent(input, start, colors)).toBe(line);
  });

  test("names its subtask where it is told one", () => {
    const line = renderEvent(event("attempt.started", "Attempt 1"), start, colors, "api");
    expect(line).toBe("   0.0s · attempt     api: Attempt 1");
  });

  test("each type has its look", () => {
    for (const type of eventTypes) expect(lookOfEvent({ type, data: {} }).label).not.toBe("");
  });
});

test.each([
  [0, "0.0s"],
  [-5, "0.0s"],
  [1_449, "1.4s"],
  [59_960, "1m00s"],
  [3_599_000, "59m59s"],
  [3_720_000, "1h02m"],
  [273_600_000, "3d04h"],
])("%i ms are %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test("text from outside loses what could move the terminal", () => {
  expect(plain("a\u001b[31mred\u001b[0m\tb\nc\u009b1m\u202ed")).toBe("ared\tb\nc1md");
  expect(plain("x\u001b]8;;http://e\u001b\\link\u001b]8;;\u0007")).toBe("xlink");
  expect(oneLine(" a\n b ", 3)).toBe("a b");
  expect(oneLine("abcdef", 4)).toBe("abc…");
  expect(
    renderTable([
      ["a", "b"],
      ["ccc", "d"],
    ]),
  ).toBe("a    b\nccc  d");
});

test("why is told recursively", () => {
  const why = {
    id: "task_1",
    state: "running",
    waiting_for: "Waits for its subtasks.",
    since: at(0),
    next: "The checks run.",
    next_at: at(70_000),
    unblock: "Nothing you can do.",
    signs: null,
    subtasks: [],
  };
  const text = renderWhy(
    { ...why, subtasks: [{ ...why, id: "sub_1", unblock: null }] },
    start + 10_000,
  );
  expect(text).toBe(
    [
      "task_1 (running): Waits for its subtasks.",
      "  since   2026-01-01T00:00:00.000Z (10.0s ago)",
      "  next    The checks run. (at 2026-01-01T00:01:10.000Z, in 1m00s)",
      "  sooner  Nothing you can do.",
      "  sub_1 (running): Waits for its subtasks.",
      "    since   2026-01-01T00:00:00.000Z (10.0s ago)",
      "    next    The checks run. (at 2026-01-01T00:01:10.000Z, in 1m00s)",
    ].join("\n"),
  );
  const asked = renderWhy({ ...why, waiting_for: "Run it?\n\n1. left\n  sooner  yes\n" }, start);
  expect(asked.split("\n").slice(0, 4)).toEqual([
    "task_1 (running): Run it?",
    "  | 1. left",
    "  | sooner yes",
    "  since   2026-01-01T00:00:00.000Z (0.0s ago)",
  ]);
});

const task = {
  id: "task_1",
  state: "failed",
  goal: "Fix it",
  title: "Fix it",
  repository: "/repo",
  base: null,
  agent: "builtin",
  checks: ["npm test"],
  expects_change: true,
  budget: null,
  branch: null,
  delivered_commit: null,
  delivery_url: null,
  end_detail: "The checks stayed red.",
  accepted_at: null,
  rolled_back_at: null,
  discarded_at: null,
  created_at: at(0),
  ended_at: at(61_000),
} as TaskView;
const verdict = {
  result: "fail",
  summary: "1 check fails",
  checks: [
    {
      check: { command: "npm test", kind: "acceptance" },
      run: { duration_ms: 1200, detail: "exit 1" },
      result: "fail",
      reason: "exit 1",
    },
  ],
  findings: [{ blocking: true, message: "A test was deleted: a.test.ts" }],
};
const usage = (role: string, attempt_id: string | null, cost_usd: number | null) => ({
  ...{ role, attempt_id, cost_usd, model: "m", calls: 1, calls_without_tokens: 0 },
  ...{ input_tokens: 12_345, cached_input_tokens: 345, output_tokens: 655 },
  ...{ reasoning_tokens: 0, latency_ms: 2_000 },
});
/** The fields that are shown. */
const detail = {
  task,
  unreadable: [],
  subtasks: [
    {
      id: "sub_1",
      key: "a",
      title: "A",
      state: "failed",
      depends_on: [],
      verdict,
      gate_verdict: null,
    },
    {
      id: "sub_2",
      key: "b",
      title: "B",
      state: "blocked",
      depends_on: ["a"],
      verdict: null,
      gate_verdict: null,
    },
  ],
  attempts: [
    {
      id: "att_1",
      subtask_id: "sub_1",
      number: 1,
      agent: "builtin",
      started_at: at(0),
      ended_at: at(12_000),
      end_reason: "done",
      detail: null,
      verdict,
      decision: {
        action: "give_up",
        rung: "give_up",
        kind: "checks_failed",
        reason: "three attempts",
      },
    },
  ],
  usage: [usage("planner", null, null), usage("coder", "att_1", 0.25)],
  messages: [],
  questions: [
    { id: "que_1", kind: "question", text: "Which?", options: [], hash: "0", answer: null },
  ],
  plans: [],
  worktrees: [{ path: "/wt/1", state: "active" }],
} as unknown as TaskDetailView;

test("a task is shown on one page", () => {
  expect(renderDetail(detail, null, start, colors)).toBe(
    [
      "task_1  failed  1m01s",
      "Fix it",
      "  repository  /repo",
      "  agent       builtin",
      "  checks      npm test",
      "  result      The checks stayed red.",
      "  worktree    /wt/1",
      "",
      "subtasks",
      "  a  failed   A",
      "  b  blocked  B (after a)",
      "",
      "attempts",
      "  #1  a  12.0s  done; fail: 1 check fails; then give up",
      "",
      "cost",
      "  planner  m  1 call   12.3k in (345 cached)  655 out   2.0s  price unknown",
      "  coder    m  1 call   12.3k in (345 cached)  655 out   2.0s  $0.2500",
      "  all         2 calls  24.7k in (690 cached)  1310 out  4.0s  price unknown",
      "  orchestration share 50 % of tokens: planning 13k tokens, review 0 tokens, recovery 0 tokens (attempts after a failed one); the work itself 13k tokens",
      "",
      "questions",
      "  que_1  Which? → open",
      "",
      "next",
      "  deputy log task_1    see what the last attempt said",
      "  deputy retry task_1  retry what failed",
    ].join("\n"),
  );
});

test("the end of a watch names checks, findings, branch and what to do", () => {
  const done = { ...task, state: "completed", branch: "deputy/fix-it", end_detail: null };
  const end = renderEnd({ ...detail, task: done, questions: [] }, colors);
  expect(end).toContain("branch  deputy/fix-it");
  expect(end).toContain("  ✗ npm test (exit 1, 1.2s)");
  expect(end).toContain("  ✗ A test was deleted: a.test.ts");
  expect(end).toContain("deputy accept task_1");
  const accepted = { ...detail, task: { ...done, accepted_at: at(0) } };
  expect(renderEnd(accepted, colors)).not.toContain("deputy accept");
  expect(renderEnd(accepted, colors)).toContain("deputy rollback task_1");
  const undone = { ...accepted, task: { ...accepted.task, rolled_back_at: at(1) } };
  expect(renderEnd(undone, colors)).not.toMatch(/deputy (accept|rollback)/);
});

test("a stream is read whatever its chunks", async () => {
  const text =
    'retry: 1\n\n: hi\n\nid: 1\nevent: a\ndata: {"x":"é"}\n\nevent: end\r\ndata: 1\r\ndata: 2\r\n\r\n';
  const bytes = Buffer.from(text);
  for (const size of [1, 7, bytes.length]) {
    const chunks = async function* () {
      for (let n = 0; n < bytes.length; n += size) yield bytes.subarray(n, n + size);
    };
    const seen: unknown[] = [];
    for await (const message of parseSse(chunks())) seen.push(message);
    expect(seen).toEqual([
      { event: "a", data: '{"x":"é"}' },
      { event: "end", data: "1\n2" },
    ]);
  }
});

test("the repository is the checkout around, or what --repo names", () => {
  const folder = realpathSync(makeFolder());
  mkdirSync(join(folder, "app/.git"), { recursive: true });
  writeFileSync(join(folder, "app/.git/HEAD"), "ref: refs/heads/main\n");
  mkdirSync(join(folder, "app/src/.git"), { recursive: true }); // no repository, to git neither
  mkdirSync(join(folder, "tree/deep"), { recursive: true });
  writeFileSync(join(folder, "tree/.git"), "gitdir: ../app/.git/worktrees/tree\n");
  mkdirSync(join(folder, "bare.git/objects"), { recursive: true });
  writeFileSync(join(folder, "bare.git/HEAD"), "ref: refs/heads/main\n");
  expect(findCheckout(join(folder, "app/src"))).toBe(join(folder, "app"));
  expect(findCheckout(join(folder, "tree/deep"))).toBe(join(folder, "tree"));
  const choose = (given: string) => chooseRepository(given, folder);
  expect(choose("app/src")).toBe(join(folder, "app"));
  expect(choose("bare.git")).toBe(join(folder, "bare.git"));
  expect(choose("https://x.example/a.git")).toBe("https://x.example/a.git");
  expect(choose("file:///a")).toBe("file:///a");
  expect(choose("git@x.example:a/b.git")).toBe("ssh://git@x.example/a/b.git");
});
