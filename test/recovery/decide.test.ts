import fc from "fast-check";
import { expect, test } from "vitest";
import { type FailureKind, failureKinds, rungOfEarlier } from "../../src/core/task/failure.ts";
import { backoffMs } from "../../src/recovery/backoff.ts";
import type { Failure } from "../../src/recovery/classify.ts";
import { decide } from "../../src/recovery/decide.ts";
import type { PastFailure } from "../../src/recovery/ladder.ts";

const now = new Date("2026-01-01T00:00:00Z");
const place = { number: 1, firstCounted: 1 };
const left = {
  hasSession: false,
  isUnchanged: false,
  fallbacks: [],
  mayReplan: false,
  failsOver: false,
};
const options = { backoffBaseMs: 1_000, chance: 0, now, place, left, askForHelp: null };
const failure = (kind: FailureKind, signature = "s", question: string | null = null): Failure => ({
  kind,
  signature,
  detail: "what happened",
  evidence: "",
  question,
  retryAt: null,
});
const past = (kind: FailureKind, count: number, signature = "s"): PastFailure[] =>
  Array.from({ length: count }, () => ({ kind, signature, rung: rungOf(kind) }));
const rungOf = (kind: FailureKind) => rungOfEarlier({ action: "retry", kind });
/** Failures with a new signature each. */
const others = (kind: FailureKind, count: number): PastFailure[] =>
  Array.from({ length: count }, (_, at) => ({ kind, signature: `other ${at}`, rung: "fresh" }));

test.each<[FailureKind, PastFailure[], string]>([
  ["checks_failed", [], "retry"],
  ["checks_failed", others("checks_failed", 1), "retry"],
  ["checks_failed", past("checks_failed", 1), "give_up"],
  ["no_change", others("policy_violated", 2), "give_up"],
  ["policy_violated", [], "retry"],
  ["checks_failed", past("lost", 4), "retry"],
  ["lost", past("checks_failed", 2), "retry"],
  ["conflict", past("checks_failed", 2), "retry"],
  ["integration_red", past("conflict", 4), "retry"],
  ["conflict", [...past("conflict", 3), ...past("integration_red", 2)], "give_up"],
  ["checks_failed", past("conflict", 5), "retry"],
  ["lost", past("lost", 8), "retry"],
  ["lost", past("lost", 9), "give_up"],
  ["parked", past("parked", 100), "retry"],
  ["no_space", past("no_space", 100), "retry"],
  ["unreadable", past("unreadable", 100), "retry"],
  ["checks_failed", [...past("unreadable", 50), ...others("checks_failed", 1)], "retry"],
  ["checks_failed", [...past("parked", 50), ...past("checks_failed", 2)], "give_up"],
  ["model_unavailable", past("checks_failed", 2), "retry"],
  ["model_unavailable", past("model_unavailable", 5), "give_up"],
  ["agent_unavailable", [], "give_up"],
  ["inconclusive", [], "retry"],
  ["inconclusive", past("inconclusive", 1), "give_up"],
  ["inconclusive", past("inconclusive", 1, "another"), "retry"],
  ["question", past("checks_failed", 2), "ask"],
  ["hung", [...past("hung", 1), ...past("checks_failed", 2)], "retry"],
  ["hung", [...past("hung", 2), ...past("checks_failed", 2)], "give_up"],
])("%s after %j: %s", (kind, history, action) => {
  expect(decide(failure(kind), history, options).action).toBe(action);
});

test.each<[PastFailure[], number, number, string]>([
  [others("checks_failed", 1), 2, 1, "attempt 3 of 6 from a clean base"],
  [past("lost", 2), 3, 1, "attempt 4 (2 of 6 that count) from a clean base"],
  [[], 4, 4, "attempt 5 (2 of 6 since it was reopened) from a clean base"],
  [past("lost", 1), 5, 4, "attempt 6 (2 of 6 that count since it was reopened) from a clean base"],
  [
    past("checks_failed", 1),
    ...([2, 1] as const),
    "giving up after 2 attempts, because a fresh attempt led to the same failure: what",
  ],
  [
    others("checks_failed", 2),
    ...([6, 4] as const),
    "giving up after 6 attempts (3 since it was reopened), because 2 fresh attempts failed as well: what",
  ],
])("after %j, attempt %i, counted from %i: %s", (history, number, firstCounted, words) => {
  const told = decide(failure("checks_failed"), history, {
    ...options,
    place: { number, firstCounted },
  });
  expect(told.reason).toContain(words);
});

test("a question is asked in the agent's words", () => {
  expect(decide(failure("question", "s", "Which port?"), [], options)).toMatchObject({
    action: "ask",
    question: "Which port?",
  });
});

test("a used-up window is waited out to its end, in a wake; nonsense is not believed", () => {
  const at = (hours: number) => new Date(now.getTime() + hours * 3_600_000);
  const parked = (retryAt: Date | null, before = 0) => {
    const limited = { ...failure("rate_limit_window"), retryAt };
    return decide(limited, past("rate_limit_window", before), options) as { delayMs: number };
  };
  expect(parked(at(5)).delayMs).toBe(5 * 3_600_000);
  expect(parked(at(24 * 365)).delayMs).toBe(8 * 24 * 3_600_000);
  // A provider that does not say; and one whose word did not hold.
  expect(parked(null).delayMs).toBe(3_600_000);
  expect(parked(at(-1)).delayMs).toBe(60_000);
  // One of a few seconds has ended by now, or nearly; it is believed three times.
  expect([parked(at(0.001)), parked(at(-0.001)), parked(at(-0.001), 2)]).toEqual(
    [3_600, 1_000, 1_000].map((delayMs) => expect.objectContaining({ delayMs })),
  );
  expect(parked(at(-0.001), 3).delayMs).toBe(120_000);
  expect(parked(at(-1), 20).delayMs).toBe(6 * 3_600_000);
  expect(decide({ ...failure("rate_limit_window"), retryAt: at(5) }, [], options).reason).toContain(
    "again after 2026-01-01T05:00:00.000Z",
  );
});

test.each([null, -1, 37])("limits are never given up before a week has passed: %s s", (seconds) => {
  let waitedMs = 0;
  for (let inRow = 0; ; inRow++) {
    const retryAt = seconds === null ? null : new Date(now.getTime() + seconds * 1_000);
    const limited = { ...failure("rate_limit_window"), retryAt };
    const decision = decide(limited, past("rate_limit_window", inRow), options);
    if (decision.action === "give_up") break;
    if (decision.action === "retry") waitedMs += decision.delayMs;
  }
  expect(waitedMs).toBeGreaterThan(7 * 24 * 3_600_000);
});

test("the pause doubles, is capped, and is never more than its cap", () => {
  expect(
    [1, 2, 3].map((tries) => backoffMs(tries, { baseMs: 1_000, capMs: 60_000, chance: 0.999 })),
  ).toEqual([1_000, 1_999, 3_998]);
  expect(backoffMs(50, { baseMs: 1_000, capMs: 60_000, chance: 0.999 })).toBeLessThanOrEqual(
    60_000,
  );
});

test("whatever happens, a subtask ends: no history lets it retry for ever", () => {
  // A question waits for a person, and only a person parks.
  const kinds = fc.constantFrom(
    ...failureKinds.filter((kind) => kind !== "question" && kind !== "parked"),
  );
  fc.assert(
    fc.property(fc.array(kinds, { minLength: 80, maxLength: 80 }), (sequence) => {
      const history: PastFailure[] = [];
      for (const kind of sequence) {
        if (decide(failure(kind), history, options).action === "give_up") return;
        history.push({ kind, signature: "s", rung: rungOf(kind) });
      }
      throw new Error("never gave up");
    }),
  );
});

test("with nothing left a person is asked, whatever it was that failed", () => {
  const asking = { ...options, askForHelp: (why: string) => `It is stuck ${why}. What now?` };
  const second = { ...asking, place: { number: 2, firstCounted: 1 } };
  const stuck = decide(failure("checks_failed"), past("checks_failed", 1), second);
  expect(stuck).toMatchObject({ action: "ask", rung: "help", asks: "stuck" });
  expect(stuck.reason).toBe(
    "asks for help after 2 attempts, because a fresh attempt led to the same failure: what happened",
  );
  expect(stuck.action === "ask" && stuck.question).toBe(
    "It is stuck after 2 attempts, because a fresh attempt led to the same failure: what happened. What now?",
  );
  // What was only interrupted goes on in its session.
  const away = decide(failure("model_unavailable"), past("model_unavailable", 5), asking);
  expect(away).toMatchObject({ action: "ask", rung: "ask", asks: "stuck" });
  fc.assert(
    fc.property(
      fc.constantFrom(...failureKinds),
      fc.array(fc.constantFrom(...failureKinds), { maxLength: 40 }),
      (kind, kinds) => {
        const history = kinds.flatMap((each) => past(each, 1, "other"));
        expect(decide(failure(kind, "s", "Why?"), history, asking).action).not.toBe("give_up");
      },
    ),
  );
});

test("merges that were lost too often are planned anew, where a planner may", () => {
  const planning = { ...options, left: { ...left, mayReplan: true } };
  const lost = decide(failure("conflict"), past("conflict", 5), planning);
  expect(lost).toMatchObject({ action: "retry", rung: "replan" });
  expect(lost.reason).toBe(
    "a planner replaces it by other parts after 6 merges were lost to its siblings: what happened",
  );
});

test("at a provider's limit the next fallback takes over, uncounted, where that is configured", () => {
  const fallbacks = [
    { agent: "codex", model: null },
    { agent: "claude", model: null },
  ];
  const over = { ...options, left: { ...left, fallbacks, failsOver: true } };
  const first = decide(failure("rate_limit_window"), [], over);
  expect(first).toMatchObject({ rung: "fallback", fallback: fallbacks[0], delayMs: 0 });
  expect(first.reason).toBe("codex takes over at once, not counted as an attempt (what happened)");
  const second = decide(failure("rate_limit_window"), [first], over);
  expect(second).toMatchObject({ rung: "fallback", fallback: fallbacks[1] });
  // Nobody is left who is not at a limit: it waits.
  const third = decide(failure("rate_limit_window"), [first, second], over);
  expect(third).toMatchObject({ action: "retry", rung: "continue" });
  expect(decide(failure("checks_failed"), [first], over).reason).toContain("because codex failed");
  const waits = { ...options, left: { ...left, fallbacks } };
  expect(decide(failure("rate_limit_window"), [], waits).rung).toBe("continue");
});
