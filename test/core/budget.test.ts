import { expect, test } from "vitest";
import {
  askForMore,
  type Budget,
  findSpentCap,
  formatBudget,
  parseBudget,
  proposeRaise,
  raiseBudget,
  type Spent,
} from "../../src/core/budget.ts";

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
    "the price of a call is unknown, so the cap of $5 cannot be kept",
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
  expect(askForMore({ usd: 5 }, is)).toMatch(/takes the place of the dollars, or "no"/);
  expect(proposeRaise({ usd: 5 }, is)).toBeNull();
  expect(raiseBudget({ usd: 5 }, is, { usd: 5 })).toBeNull();
  expect(raiseBudget({ usd: 5 }, is, { tokens: 100 })).toEqual({ tokens: 1_000 });
});
