import { z } from "zod";
import type { Price } from "./prices.ts";

/**
 * What a task may spend: planning, reviews and every attempt of every subtask together. Each given
 * cap applies on its own. A call is made while less than the cap is spent, so the last call may
 * exceed it; turns are known beforehand and never exceed it.
 */
export const budgetSchema = z
  .strictObject({
    /** Dollars. */
    usd: z.number().positive().max(1_000_000).optional(),
    /** Input (cached or not) and output together. */
    tokens: z.number().int().positive().max(1e12).optional(),
    /** Model calls. */
    turns: z.number().int().positive().max(1_000_000).optional(),
    /**
     * Time in which agents work; agents that work in parallel each count. Waiting costs nothing.
     */
    minutes: z.number().positive().max(1_000_000).optional(),
  })
  .refine((budget) => Object.keys(budget).length > 0, {
    error: "must have at least one of usd, tokens, turns, minutes",
  });
export type Budget = z.infer<typeof budgetSchema>;
type Cap = keyof Budget;

export const budgetHelp =
  'an amount in dollars, tokens, turns or minutes, several of them with commas: "$5", "200k tokens", "30 turns", "60m"';

/** Whether an answer to the request for more budget grants nothing. */
export function isBudgetRefusal(answer: string): boolean {
  return ["no", "n", "stop"].includes(answer.trim().toLowerCase());
}

/** Spending so far, as the caps count it. */
export type Spent = {
  usd: number;
  tokens: number;
  turns: number;
  minutes: number;
  /** Calls of unknown price; if there are any, `usd` is too low. */
  unpricedCalls: number;
};

const amounts: readonly [Cap, RegExp][] = [
  ["usd", /^(?:\$\s*([\d.]+)|([\d.]+)\s*(?:usd|dollars?))$/],
  ["tokens", /^([\d.]+)\s*([km]?)\s*(?:tokens?|tok)$/],
  ["turns", /^([\d.]+)\s*(?:turns?|calls?)$/],
  ["minutes", /^([\d.]+)\s*(?:m|min|minutes?)$/],
  ["minutes", /^([\d.]+)\s*(h|hours?)$/],
];
const factors: Record<string, number> = { k: 1_000, m: 1_000_000, h: 60, hour: 60, hours: 60 };

/** Parse "$5,200k tokens,30 turns,60m". A plain number is dollars. Null if any part is invalid. */
export function parseBudget(text: string): Budget | null {
  const budget: Budget = {};
  for (const part of text.toLowerCase().split(",")) {
    const amount = parseAmount(part.trim());
    if (!amount || budget[amount.cap] !== undefined) return null;
    budget[amount.cap] = amount.value;
  }
  return budgetSchema.safeParse(budget).success ? budget : null;
}

function parseAmount(text: string): { cap: Cap; value: number } | null {
  if (/^\d+(\.\d+)?$/.test(text)) return { cap: "usd", value: Number(text) };
  for (const [cap, pattern] of amounts) {
    const [found, first, second] = pattern.exec(text) ?? [];
    if (found === undefined) continue;
    const value =
      Number(first ?? second) * (factors[first === undefined ? "" : (second ?? "")] ?? 1);
    return { cap, value: cap === "tokens" ? Math.round(value) : value };
  }
  return null;
}

export function formatBudget(budget: Budget): string {
  return caps
    .flatMap((cap) => (budget[cap] === undefined ? [] : [formatCap(cap, budget[cap])]))
    .join(", ");
}

const caps = ["usd", "tokens", "turns", "minutes"] as const satisfies readonly Cap[];

function formatCap(cap: Cap, value: number): string {
  switch (cap) {
    case "usd":
      return formatUsd(value);
    case "tokens":
      return `${formatCount(value)} tokens`;
    case "turns":
      return `${value} turn${value === 1 ? "" : "s"}`;
    case "minutes":
      return `${Math.round(value * 10) / 10} min`;
  }
}

/** Cents where there are any; more digits for amounts below one cent. */
export function formatUsd(usd: number): string {
  if (usd !== 0 && usd < 0.01) return `$${usd.toFixed(6).replace(/0+$/, "")}`;
  return `$${usd.toFixed(Number.isInteger(usd) ? 0 : usd < 1 ? 4 : 2)}`;
}

export function formatCount(count: number): string {
  if (count < 10_000) return String(count);
  const [value, unit] = count < 1_000_000 ? [count / 1_000, "k"] : [count / 1_000_000, "M"];
  return `${Math.round(value * 10) / 10}${unit}`;
}

/** What is known about a call before it is made; Infinity: unknown. */
export type PlannedCall = {
  model: string;
  /** Upper bound: a token is at least one byte of the request. */
  inputTokens: number;
  /** Upper bound: the limit sent with the request. */
  outputTokens: number;
};

/** Upper bound of what a call may cost. */
export type Bound = { usd: number; tokens: number };

/** A null `price` is unknown. */
export function boundOf({ inputTokens, outputTokens }: PlannedCall, price: Price | null): Bound {
  const cost = (tokens: number, perM: number) => (perM === 0 ? 0 : (tokens * perM) / 1e6);
  const usd = price
    ? cost(inputTokens, Math.max(price.inputPerM, price.cachedInputPerM)) +
      cost(outputTokens, price.outputPerM)
    : Number.POSITIVE_INFINITY;
  return { usd, tokens: inputTokens + outputTokens };
}

/**
 * Whether another call may be made while `others` of the same task are in flight. A lone call may
 * be made while less than each cap is spent, and may exceed it. Concurrent calls must all stay
 * within every cap at their upper bounds, so a cap is exceeded by at most one call. `wait`: it
 * depends on what the others will have cost.
 */
export function decideCall(
  budget: Budget,
  spent: Spent,
  others: readonly Bound[],
  mine: Bound,
): "go" | "wait" | "stop" {
  if (findSpentCap(budget, spent) !== null) return "stop";
  if (others.length === 0) return "go";
  const all = [...others, mine];
  const sum = (of: keyof Bound) => all.reduce((total, bound) => total + bound[of], 0);
  const fits =
    spent.turns + all.length <= (budget.turns ?? Number.POSITIVE_INFINITY) &&
    (budget.usd === undefined || spent.usd + sum("usd") <= budget.usd) &&
    (budget.tokens === undefined || spent.tokens + sum("tokens") <= budget.tokens);
  return fits ? "go" : "wait";
}

/** The cap that rules out further calls, in words; null while every cap has room. */
export function findSpentCap(budget: Budget, spent: Spent): string | null {
  if (budget.usd !== undefined && spent.unpricedCalls > 0) {
    return `the price of ${spent.unpricedCalls === 1 ? "a call" : `${spent.unpricedCalls} calls`} is unknown, so the cap of ${formatUsd(budget.usd)} cannot be enforced`;
  }
  const cap = spentCaps(budget, spent)[0];
  if (!cap) return null;
  const [is, of] = [formatCap(cap, spent[cap]), formatCap(cap, budget[cap] ?? 0)];
  return `the budget is used up: ${is} of ${of}`;
}

function spentCaps(budget: Budget, spent: Spent): Cap[] {
  return caps.filter((cap) => spent[cap] >= (budget[cap] ?? Number.POSITIVE_INFINITY));
}

/** What may still be spent, in words. */
export function formatLeft(budget: Budget, spent: Spent): string {
  const left = caps.flatMap((cap) => {
    const limit = budget[cap];
    return limit === undefined ? [] : [formatCap(cap, Math.max(0, limit - spent[cap]))];
  });
  return left.join(", ");
}

/** The question for a person when the budget is used up. "yes" grants `proposeRaise`. */
export function askForMore(budget: Budget, spent: Spent): string {
  const why = findSpentCap(budget, spent) ?? "the budget is used up";
  const sentence = `${why[0]?.toUpperCase()}${why.slice(1)}.`;
  const raise = proposeRaise(budget, spent);
  return raise
    ? `${sentence} +${formatBudget(raise)}? Answer "yes", another amount ("+$2", "+100k tokens", "+30 turns", "+60m"), or "no" to stop here.`
    : `${sentence} Answer with a cap that can be enforced ("+100k tokens", "+30 turns", "+60m"), which then replaces the one in dollars, or "no" to stop here.`;
}

/**
 * The same amount again of each used-up cap; null if a price is unknown, which no amount can fix.
 */
export function proposeRaise(budget: Budget, spent: Spent): Budget | null {
  if (budget.usd !== undefined && spent.unpricedCalls > 0) return null;
  const used = spentCaps(budget, spent);
  return Object.fromEntries(
    (used.length > 0 ? used : caps).flatMap((cap) => {
      const value = budget[cap];
      return value === undefined ? [] : [[cap, value]];
    }),
  );
}

/**
 * The budget after a person granted more. An overrun does not eat into the raise. A new cap starts
 * at what was already spent; if dollars cannot be counted, that cap is dropped in favour of the
 * caps that can. Null if the task would still be stuck.
 */
export function raiseBudget(budget: Budget, spent: Spent, by: Budget): Budget | null {
  const raised: Budget = { ...budget };
  for (const cap of caps) {
    const more = by[cap];
    if (more === undefined) continue;
    raised[cap] = Math.max(budget[cap] ?? 0, spent[cap]) + more;
  }
  if (spent.unpricedCalls > 0 && by.usd === undefined) delete raised.usd;
  return findSpentCap(raised, spent) === null ? raised : null;
}
