import type { ModelCall, Role, Usage } from "../core/usage.ts";

/** Dollars per million tokens. */
export type Price = { inputPerM: number; cachedInputPerM: number; outputPerM: number };

/**
 * Adds up calls by model. One call without numbers, or of a model without a price, makes the cost
 * unknown, not smaller.
 */
export class UsageCount {
  private readonly role: Role;
  private readonly priceOf: (model: string) => Price | null;
  private readonly byModel = new Map<string, Usage>();

  constructor(role: Role, priceOf: (model: string) => Price | null) {
    this.role = role;
    this.priceOf = priceOf;
  }

  add(call: ModelCall): void {
    const { model, tokens } = call;
    const sum = this.byModel.get(model) ?? {
      role: this.role,
      model,
      calls: 0,
      inputTokens: 0,
      cachedInputTokens: 0,
      outputTokens: 0,
      costUsd: 0,
    };
    const cost = call.costUsd ?? (tokens ? costOf(tokens, this.priceOf(model)) : null);
    this.byModel.set(model, {
      ...sum,
      calls: sum.calls + 1,
      inputTokens: sum.inputTokens + (tokens?.inputTokens ?? 0),
      cachedInputTokens: sum.cachedInputTokens + (tokens?.cachedInputTokens ?? 0),
      outputTokens: sum.outputTokens + (tokens?.outputTokens ?? 0),
      costUsd: sum.costUsd === null || cost === null ? null : sum.costUsd + cost,
    });
  }

  total(): Usage[] {
    return [...this.byModel.values()];
  }
}

function costOf(tokens: NonNullable<ModelCall["tokens"]>, price: Price | null): number | null {
  if (!price) return null;
  const { inputTokens, cachedInputTokens, outputTokens } = tokens;
  return (
    ((inputTokens - cachedInputTokens) * price.inputPerM +
      cachedInputTokens * price.cachedInputPerM +
      outputTokens * price.outputPerM) /
    1e6
  );
}
