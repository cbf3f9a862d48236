import { expect, test } from "vitest";
import { noSigns } from "../../src/core/task/signs-of-life.ts";
import {
  explainRunning,
  type RunningFacts,
} from "../../src/orchestrator/explain/explain-running.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000);
const own = {
  ...{ id: "api", state: "running", waitingFor: "attempt 1", since: at(0), next: "it reports" },
  ...{ nextAt: null, unblock: null, signs: null, subtasks: [] },
};
const hold = { kind: "lease", owner: "prc_1", expiresAt: at(99), doing: "it" } as const;
const row = { id: "sub_1", kind: "work", state: "running", hold, checks: [] } as const;
const event = (
  seconds: number,
  message: string,
  type: "attempt.progressed" | "check.finished" = "attempt.progressed",
  data = {},
) => ({ type, message, data, at: at(seconds), attemptId: "att_1", subtaskId: "sub_1" });
const facts: RunningFacts = {
  attempts: [
    {
      ...{ id: "att_1", subtaskId: "sub_1", agent: "codex", endedAt: null, startedAt: at(0) },
      signs: { ...noSigns, bytes: at(60).toISOString() },
    },
  ],
  events: [event(1, "Worktree ready"), event(30, "bash npm\ntest")],
  now: at(300),
  limitsOf: () => ({ timeoutMs: 1_800_000, silentMs: 600_000 }),
};
const nothing = { preparation: null };

test("an agent that hangs: since when, in which tool, and what ends it when", () => {
  expect(explainRunning(own, nothing, row, facts)).toMatchObject({
    signs: "reading or writing 4 min ago; last heard 5 min ago: bash npm test",
    next: "it reports; its time limit of 30 min ends it at about 2026-01-01T00:30:00Z, and 10 min without a sign of life would end it at about 2026-01-01T00:11:00Z",
  });
  const patient = { ...facts, limitsOf: () => ({ timeoutMs: 1_800_000, silentMs: null }) };
  expect(explainRunning(own, nothing, row, patient).next).not.toContain("sign of life");
  expect(explainRunning(own, nothing, { ...row, hold: null }, facts)).toEqual(own);
});

test("checks that hang are named with their limits", () => {
  const task = {
    preparation: {
      checks: [
        { command: "npm test", timeoutMs: 600_000 },
        { command: "npm run lint", timeoutMs: 60_000 },
      ],
    },
  };
  const verifying = { ...row, state: "verifying" } as const;
  const lint = event(200, "Check `npm run lint`: pass", "check.finished", {
    command: "npm run lint",
  });
  const since = { ...own, since: at(100) };
  // A check of the attempt before, and not of this one.
  const earlier = event(50, "Check `npm test`: fail", "check.finished", { command: "npm test" });
  const events = [earlier, lint];
  expect(explainRunning(since, task, verifying, { ...facts, events }).signs).toBe(
    "not ended: `npm test` (its limit: 10 min); last heard 100 s ago: Check `npm run lint`: pass",
  );
  const last = event(250, "Check `npm test`: pass", "check.finished", { command: "npm test" });
  expect(
    explainRunning(since, task, verifying, { ...facts, events: [...events, last] }).signs,
  ).toMatch(/^all checks ended; /);
});
