import type { Usage } from "../../core/usage.ts";
import type { CallUsage } from "./model.ts";

/** Dollars per million tokens. */
export type Price = { inputPerM: number; cachedInputPerM: number; outputPerM: number };

/** Adds up what the server said. One call without numbers makes the cost unknown, not smaller. */
export class UsageCount {
  private readonly role: Usage["role"];
  private readonly model: string;
  private readonly price: Price | null;
  private readonly sum = { calls: 0, inputTokens: 0, cachedInputTokens: 0, outputTokens: 0 };
  private complete = true;

  constructor(role: Usage["role"], model: string, price: Price | null) {
    this.role = role;
    this.model = model;
    this.price = price;
  }

  add = (usage: CallUsage): void => {
    this.sum.calls++;
    if (!usage) {
      this.complete = false;
      return;
    }
    this.sum.inputTokens += usage.inputTokens;
    this.sum.cachedInputTokens += usage.cachedInputTokens;
    this.sum.outputTokens += usage.outputTokens;
  };

  total(): Usage[] {
    const { calls, inputTokens, cachedInputTokens, outputTokens } = this.sum;
    if (calls === 0) return [];
    const price = this.complete ? this.price : null;
    const costUsd = price
      ? ((inputTokens - cachedInputTokens) * price.inputPerM +
          cachedInputTokens * price.cachedInputPerM +
          outputTokens * price.outputPerM) /
        1e6
      : null;
    return [{ role: this.role, model: this.model, ...this.sum, costUsd }];
  }
}
