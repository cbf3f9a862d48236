import fc from "fast-check";
import { expect, test } from "vitest";
import {
  askForMore,
  type Budget,
  boundOf,
  decideCall,
  findSpentCap,
  formatBudget,
  parseBudget,
  proposeRaise,
  raiseBudget,
  type Spent,
} from "../../src/core/budget/budget.ts";

/** What a person writes about a budget, and what becomes of it. */
const spent = (more: Partial<Spent> = {}): Spent => ({
  ...{ usd: 0, tokens: 0, turns: 0, minutes: 0, unpricedCalls: 0 },
  ...more,
});

test.each<[string, Budget | null]>([
  ["$5", { usd: 5 }],
  ["5", { usd: 5 }],
  ["2.50 usd", { usd: 2.5 }],
  ["$5,200k tokens,30 turns,60m", { usd: 5, tokens: 200_000, turns: 30, minutes: 60 }],
  ["1.5M tokens", { tokens: 1_500_000 }],
  ["1 turn, 2h", { turns: 1, minutes: 120 }],
  ["90 min", { minutes: 90 }],
  ["$5,$6", null],
  ["$0", null],
  ["-5", null],
  ["1.5 turns", null],
  ["1e3", null],
  ["$5,", null],
  ["five dollars", null],
  ["5 apples", null],
  ["$1.2.3", null],
  ["", null],
])("%j is read as %j", (text, budget) => {
  expect(parseBudget(text)).toEqual(budget);
});

test("a budget is written as it can be read", () => {
  const budget = { usd: 0.0125, tokens: 250_000, turns: 1, minutes: 2.5 };
  expect(formatBudget(budget)).toBe("$0.0125, 250k tokens, 1 turn, 2.5 min");
  expect(parseBudget(formatBudget(budget))).toEqual(budget);
});

test.each<[Budget, Partial<Spent>, string | null]>([
  [{ usd: 5 }, { usd: 4.99 }, null],
  [{ usd: 5 }, { usd: 5.02 }, "the budget is used up: $5.02 of $5"],
  [
    { tokens: 1_000 },
    { usd: 100, tokens: 1_000 },
    "the budget is used up: 1000 tokens of 1000 tokens",
  ],
  [{ turns: 30 }, { turns: 29, unpricedCalls: 29 }, null],
  [
    { usd: 5, turns: 30 },
    { turns: 1, unpricedCalls: 1 },
    "the price of a call is unknown, so the cap of $5 cannot be enforced",
  ],
])("of %j is spent %j: %s", (budget, is, words) => {
  expect(findSpentCap(budget, spent(is))).toBe(words);
});

test("what is asked for is as much again of what is used up, and yes grants it", () => {
  const budget = { usd: 5, turns: 100 };
  const is = spent({ usd: 5.5, turns: 20 });
  expect(askForMore(budget, is)).toMatch(
    /^The budget is used up: \$5\.50 of \$5\. \+\$5\? Answer "yes"/,
  );
  const by = proposeRaise(budget, is);
  expect(by).toEqual({ usd: 5 });
  // What the cap was passed by does not eat up the raise.
  expect(raiseBudget(budget, is, by ?? {})).toEqual({ usd: 10.5, turns: 100 });
});

test("a raise that leaves the task where it is, is none", () => {
  const is = spent({ usd: 6, turns: 30 });
  expect(raiseBudget({ usd: 5, turns: 30 }, is, { usd: 5 })).toBeNull();
  expect(raiseBudget({ usd: 5, turns: 30 }, is, { usd: 5, turns: 10 })).toEqual({
    usd: 11,
    turns: 40,
  });
  expect(raiseBudget({ turns: 30 }, is, { tokens: 100 })).toBeNull();
});

test("dollars that cannot be counted are replaced by a cap that can", () => {
  const is = spent({ turns: 3, tokens: 900, unpricedCalls: 1 });
  expect(askForMore({ usd: 5 }, is)).toMatch(/replaces the one in dollars, or "no"/);
  expect(proposeRaise({ usd: 5 }, is)).toBeNull();
  expect(raiseBudget({ usd: 5 }, is, { usd: 5 })).toBeNull();
  expect(raiseBudget({ usd: 5 }, is, { tokens: 100 })).toEqual({ tokens: 1_000 });
});

test("several agents at once overspend by no more than one call, whatever each comes to", () => {
  const size = fc.double({ min: 0.001, max: 8, noNaN: true });
  // Each agent: what its calls are known to stay below, and the share of it that they come to.
  const agent = fc.record({ bound: size, share: fc.double({ min: 0.01, max: 1, noNaN: true }) });
  const turn = fc.record({ who: fc.nat(4), ends: fc.boolean() });
  const world = fc.record({
    agents: fc.array(agent, { minLength: 5, maxLength: 5 }),
    turns: fc.array(turn, { minLength: 20, maxLength: 80 }),
    usd: fc.double({ min: 0.1, max: 20, noNaN: true }),
  });
  fc.assert(
    fc.property(world, ({ agents, turns, usd }) => {
      const budget = { usd, tokens: 1_000 };
      const underWay = new Map<number, number>();
      let spent = { usd: 0, tokens: 0, turns: 0, minutes: 0, unpricedCalls: 0 };
      let lastAlone = 0;
      for (const { who, ends } of turns) {
        const { bound = 0, share = 0 } = agents[who] ?? {};
        const cost = underWay.get(who);
        if (cost === undefined) {
          const others = [...underWay.keys()].map((at) => ({
            ...{ usd: agents[at]?.bound ?? 0, tokens: 1 },
          }));
          const answer = decideCall(budget, spent, others, { usd: bound, tokens: 1 });
          // Alone it is never left to wait for nobody.
          if (answer === "wait") expect(others.length).toBeGreaterThan(0);
          if (answer !== "go") continue;
          underWay.set(who, bound * share);
          if (others.length === 0) lastAlone = bound * share;
        } else if (ends) {
          underWay.delete(who);
          spent = { ...spent, usd: spent.usd + cost, turns: spent.turns + 1 };
        }
        const all = [...underWay.values()].reduce((sum, each) => sum + each, spent.usd);
        expect(all - usd).toBeLessThanOrEqual(lastAlone + 1e-9);
      }
    }),
    { numRuns: 100 },
  );
});

test("a bound is the dearest that a call may be; without a price or a limit nobody can say", () => {
  const price = { inputPerM: 2, cachedInputPerM: 1, outputPerM: 10 };
  const call = { model: "m", inputTokens: 500_000, outputTokens: 100_000 };
  expect(boundOf(call, price)).toEqual({ usd: 2, tokens: 600_000 });
  expect(boundOf(call, null).usd).toBe(Number.POSITIVE_INFINITY);
  const open = { ...call, outputTokens: Number.POSITIVE_INFINITY };
  expect(boundOf(open, price).usd).toBe(Number.POSITIVE_INFINITY);
  expect(boundOf(open, { inputPerM: 0, cachedInputPerM: 0, outputPerM: 0 }).usd).toBe(0);
});
