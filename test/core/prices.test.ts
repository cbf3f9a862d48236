import { expect, test } from "vitest";
import { costOf, findPrice } from "../../src/core/budget/prices.ts";

const price = (each: number) => ({ inputPerM: each, cachedInputPerM: each, outputPerM: each });

test.each<[string, number | null]>([
  ["gpt-5.5", 5],
  ["openai/gpt-5.5", 5],
  ["gpt-5.5-2026-04-23", 5],
  ["claude-sonnet-4-5-20250929", 3],
  ["anthropic/claude-sonnet-4.5", 3],
  ["gpt-5.5-pro", null],
  ["gpt-5.55", null],
  ["gpt-oss:20b", null],
  ["someone/gpt-5.5", null],
  ["constructor", null],
])("the table's input price of %s is %s", (model, input) => {
  expect(findPrice(model, {})?.inputPerM ?? null).toBe(input);
});

test("a configured price goes first: the exact name, then the longest beginning", () => {
  const overrides = {
    "gpt-5.5": price(1),
    "qwen*": price(2),
    "qwen3-coder*": price(3),
    "*": price(9),
  };
  const inputs = ["gpt-5.5", "qwen2", "qwen3-coder:30b", "gpt-4o"].map(
    (model) => findPrice(model, overrides)?.inputPerM,
  );
  expect(inputs).toEqual([1, 2, 3, 9]);
});

test("cached tokens cost their own price, and what is unknown is not 0", () => {
  const tokens = {
    ...{ inputTokens: 1_000_000, cachedInputTokens: 400_000 },
    ...{ outputTokens: 100_000, reasoningTokens: 50_000 },
  };
  expect(costOf(tokens, findPrice("gpt-5.5", {}))).toBeCloseTo(0.6 * 5 + 0.4 * 0.5 + 0.1 * 30);
  expect(costOf(tokens, null)).toBeNull();
  expect(costOf(null, price(1))).toBeNull();
});
