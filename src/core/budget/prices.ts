import type { Tokens } from "./usage.ts";

/** Dollars per million tokens. */
export type Price = { inputPerM: number; cachedInputPerM: number; outputPerM: number };

/**
 * List prices, without discounts and surcharges for very long prompts or cache writes. They change:
 * a configured price takes precedence.
 */
export const priceTable = {
  asOf: "2026-06",
  /** [input, cached input, output] */
  models: {
    "gpt-5.5": [5, 0.5, 30],
    "gpt-5.4": [2.5, 0.25, 15],
    "gpt-5.4-mini": [0.75, 0.075, 4.5],
    "gpt-5.4-nano": [0.2, 0.02, 1.25],
    "gpt-5.3-codex": [1.75, 0.175, 14],
    "gpt-5.2": [1.75, 0.175, 14],
    "gpt-5.2-codex": [1.75, 0.175, 14],
    "gpt-5.1": [1.25, 0.125, 10],
    "gpt-5.1-codex": [1.25, 0.125, 10],
    "gpt-5.1-codex-max": [1.25, 0.125, 10],
    "gpt-5.1-codex-mini": [0.25, 0.025, 2],
    "gpt-5": [1.25, 0.125, 10],
    "gpt-5-codex": [1.25, 0.125, 10],
    "gpt-5-mini": [0.25, 0.025, 2],
    "gpt-5-nano": [0.05, 0.005, 0.4],
    "gpt-4.1": [2, 0.5, 8],
    "gpt-4.1-mini": [0.4, 0.1, 1.6],
    "gpt-4.1-nano": [0.1, 0.025, 0.4],
    "gpt-4o": [2.5, 1.25, 10],
    "gpt-4o-mini": [0.15, 0.075, 0.6],
    o3: [2, 0.5, 8],
    "o4-mini": [1.1, 0.275, 4.4],
    "claude-opus-4-7": [5, 0.5, 25],
    "claude-opus-4-6": [5, 0.5, 25],
    "claude-opus-4-5": [5, 0.5, 25],
    "claude-opus-4-1": [15, 1.5, 75],
    "claude-sonnet-4-6": [3, 0.3, 15],
    "claude-sonnet-4-5": [3, 0.3, 15],
    "claude-sonnet-4": [3, 0.3, 15],
    "claude-haiku-4-5": [1, 0.1, 5],
    "gemini-2.5-flash": [0.3, 0.03, 2.5],
    "gemini-2.5-pro": [1.25, 0.125, 10],
  } as Readonly<Record<string, readonly [number, number, number]>>,
} as const;

/** Configured prices, by a model's name or a prefix and `*`. */
export type PriceOverrides = Readonly<Record<string, Price>>;

/**
 * The price of a model, or null: an unknown price is unknown, not 0. A configured price wins over
 * the table, an exact name over a prefix, a longer prefix over a shorter one. The table is looked
 * up by the whole name, without provider prefix and date suffix: `gpt-5.5-pro` is another model
 * than `gpt-5.5`, and self-hosted models are in no list.
 */
export function findPrice(model: string, overrides: PriceOverrides): Price | null {
  if (Object.hasOwn(overrides, model)) return overrides[model] ?? null;
  const beginnings = Object.keys(overrides)
    .filter((name) => name.endsWith("*") && model.startsWith(name.slice(0, -1)))
    .sort((a, b) => b.length - a.length);
  const configured = beginnings[0] === undefined ? undefined : overrides[beginnings[0]];
  if (configured) return configured;
  const name = model
    .replace(/^(openai|anthropic|google)\//, "")
    .replace(/^claude-(\w+)-(\d)\.(\d)/, "claude-$1-$2-$3")
    .replace(/-(\d{8}|\d{4}-\d{2}-\d{2}|latest)$/, "");
  const listed = Object.hasOwn(priceTable.models, name) ? priceTable.models[name] : undefined;
  if (!listed) return null;
  const [inputPerM, cachedInputPerM, outputPerM] = listed;
  return { inputPerM, cachedInputPerM, outputPerM };
}

/** Dollars of one call; null if tokens or price are unknown. */
export function costOf(tokens: Tokens | null, price: Price | null): number | null {
  if (!tokens || !price) return null;
  const { inputTokens, cachedInputTokens, outputTokens } = tokens;
  return (
    ((inputTokens - cachedInputTokens) * price.inputPerM +
      cachedInputTokens * price.cachedInputPerM +
      outputTokens * price.outputPerM) /
    1e6
  );
}
