import fc from "fast-check";
import { expect, test } from "vitest";
import type { FailureKind, Rung } from "../../src/core/task/failure.ts";
import { maxAttempts } from "../../src/recovery/climb-on.ts";
import { decide } from "../../src/recovery/decide.ts";
import {
  countedKinds,
  type Left,
  maxRepairs,
  type PastFailure,
} from "../../src/recovery/ladder.ts";

/** How work that fails by itself climbs: repaired, begun afresh, given up; never in a circle. */
type Failed = { kind: FailureKind; signature: string } & Left;

const failed = (signature: string, more: Partial<Failed> = {}): Failed => ({
  ...{ kind: "checks_failed", signature, hasSession: true, isUnchanged: false, fallbacks: [] },
  ...{ mayReplan: false, failsOver: false },
  ...more,
});

const others = [
  { agent: "codex", model: null },
  { agent: "codex", model: "larger" },
];

/** The decisions about these failures, one after the other, up to the first that ends it. */
function play(failures: readonly Failed[]) {
  const history: PastFailure[] = [];
  const said: { rung: Rung; signature: string; reason: string }[] = [];
  for (const { kind, signature, ...left } of failures) {
    const failure = { kind, signature: `${kind} ${signature}`, detail: "what happened" };
    const number = history.length + 1;
    const decision = decide({ ...failure, evidence: "", question: null, retryAt: null }, history, {
      ...{ backoffBaseMs: 1_000, chance: 0, now: new Date(0) },
      ...{ place: { number, firstCounted: 1 }, left, askForHelp: null },
    });
    said.push(decision);
    if (decision.rung === "give_up" || decision.rung === "replan") break;
    history.push(decision);
  }
  return said;
}

const rungsOf = (failures: readonly Failed[]) => play(failures).map(({ rung }) => rung);

test.each<[string, Failed[], Rung[]]>([
  ["one slip", [failed("a")], ["repair"]],
  ["the same twice", [failed("a"), failed("a")], ["repair", "fresh"]],
  [
    "the same for ever",
    ["a", "a", "a"].map((each) => failed(each)),
    ["repair", "fresh", "give_up"],
  ],
  ["progress", ["a", "b", "c"].map((each) => failed(each)), ["repair", "repair", "repair"]],
  [
    "a session that is repaired too often",
    ["a", "b", "c", "d"].map((each) => failed(each)),
    ["repair", "repair", "repair", "fresh"],
  ],
  ["a circle", ["a", "b", "a"].map((each) => failed(each)), ["repair", "repair", "fresh"]],
  [
    "a fresh attempt with a slip of its own",
    ["a", "a", "b"].map((each) => failed(each)),
    ["repair", "fresh", "repair"],
  ],
  [
    "a repair that changed nothing",
    [failed("a"), failed("b", { isUnchanged: true })],
    ["repair", "fresh"],
  ],
  [
    "a fresh attempt that changed nothing",
    [failed("a", { hasSession: false }), failed("b", { hasSession: false, isUnchanged: true })],
    ["fresh", "give_up"],
  ],
  [
    "a program without a session",
    ["a", "b", "c"].map((each) => failed(each, { hasSession: false })),
    ["fresh", "fresh", "give_up"],
  ],
  [
    "nothing that could be repaired",
    [failed("a", { kind: "timed_out" }), failed("a", { kind: "timed_out" })],
    ["fresh", "give_up"],
  ],
  [
    "somebody else, each with a repair of its own",
    ["a", "a", "a", "a", "a"].map((each) => failed(each, { fallbacks: others })),
    ["repair", "fresh", "fallback", "repair", "fallback"],
  ],
  [
    "nobody returns to an agent that was given up",
    ["a", "b", "c", "d", "e"].map((each) => failed(each, { hasSession: false, fallbacks: others })),
    ["fresh", "fresh", "fallback", "fallback", "give_up"],
  ],
  [
    "somebody else would meet the same",
    [1, 2].map(() => failed("a", { kind: "setup_failed", fallbacks: others })),
    ["fresh", "give_up"],
  ],
  [
    "a planner, once nobody else is left",
    ["a", "a", "a", "a", "a"].map((each) =>
      failed(each, { fallbacks: others.slice(0, 1), mayReplan: true }),
    ),
    ["repair", "fresh", "fallback", "repair", "replan"],
  ],
  [
    "a planner, once the attempts are used up",
    ["a", "b", "c", "d", "e", "f"].map((each) => failed(each, { mayReplan: true })),
    ["repair", "repair", "repair", "fresh", "repair", "replan"],
  ],
  [
    "no planner mends a setup that does not work",
    [1, 2].map(() => failed("a", { kind: "setup_failed", mayReplan: true })),
    ["fresh", "give_up"],
  ],
  [
    "green in between: what was repaired once may be again",
    [failed("a"), failed("r", { kind: "review_blocked" }), failed("a")],
    ["repair", "continue", "repair"],
  ],
  [
    "killed during the repair: the rung stays",
    [failed("a"), failed("l", { kind: "lost" }), failed("a")],
    ["repair", "continue", "fresh"],
  ],
])("%s", (_, failures, rungs) => {
  expect(rungsOf(failures)).toEqual(rungs);
});

test("each decision says which rung it is and why", () => {
  const [repair, fresh, end] = play(["a", "a", "a"].map((each) => failed(each)));
  expect(repair?.reason).toBe("attempt 2 of 6 repairs it in the same session (what happened)");
  expect(fresh?.reason).toBe(
    "attempt 3 of 6 from a clean base, with what was tried in its brief, because a repair led to the same failure (what happened)",
  );
  expect(end?.reason).toBe(
    "giving up after 3 attempts, because a fresh attempt led to the same failure: what happened",
  );
});

test("who takes over is named, with the reason", () => {
  const timeouts = [1, 2, 3].map(() => failed("a", { kind: "timed_out", fallbacks: others }));
  const [, second, third] = play(timeouts);
  expect(second?.reason).toContain(
    "attempt 3 of 6 by codex, from a clean base, with what was tried in its brief, because a fresh attempt led to the same failure (",
  );
  expect(third?.reason).toContain("by codex with larger, ");
  expect(third?.reason).toContain("because codex failed as well (");
});

const failures = fc.array(
  fc.record({
    kind: fc.constantFrom(...countedKinds),
    signature: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
    hasSession: fc.boolean(),
    isUnchanged: fc.boolean(),
    fallbacks: fc.constantFrom([], others.slice(0, 1), others),
    mayReplan: fc.constant(false),
    failsOver: fc.constant(false),
  }),
  { minLength: 12, maxLength: 12 },
);

test("it ends within its budget, whatever the failures are", () => {
  fc.assert(
    fc.property(failures, (all) => {
      const said = play(all);
      expect(said.length).toBeLessThanOrEqual(maxAttempts);
      expect(said.at(-1)?.rung).toBe("give_up");
    }),
  );
});

test("no signature stays on a rung, and no session is repaired more than it may", () => {
  fc.assert(
    fc.property(failures, (all) => {
      const steps = play(all).map(({ rung, signature }) => `${rung} ${signature}`);
      // Each agent has a ladder of its own.
      for (const part of steps.join("\n").split(/^(?=fallback)/m)) {
        const own = part.trim().split("\n");
        expect(new Set(own).size).toBe(own.length);
      }
      const repairs = steps.map((step) => (step.startsWith("repair") ? "r" : "|")).join("");
      expect(Math.max(...repairs.split("|").map(({ length }) => length))).toBeLessThanOrEqual(
        maxRepairs,
      );
    }),
  );
});

test("the rows alone decide: a restart at any point changes nothing", () => {
  fc.assert(
    fc.property(failures, fc.nat(11), (all, at) => {
      expect(play(all.slice(0, at))).toEqual(play(all).slice(0, at));
    }),
  );
});
