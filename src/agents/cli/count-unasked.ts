import type { ModelCall, Tokens } from "../../core/usage.ts";
import type { AgentRun } from "../agent.ts";
import type { CallFailure } from "../gateway/judge-failure.ts";
import type { Gateway } from "../gateway/open-gateway.ts";
import { lastTotal } from "./brief.ts";
import type { Said } from "./cli.ts";

/**
 * The calls of a program with its own login, which it makes without asking anybody. They are counted
 * as soon as it says what they used, and the meter ends the run when that was too much: the call that
 * is then under way is the only one that is too many. What a program says only at its end, or says
 * again there as a sum, is counted at its end, each token once.
 */
export type UnaskedCalls = Pick<Gateway, "stopped" | "trouble"> & {
  hear(said: UsageSaid): void;
  /** A process of the run has ended. Stored when it resolves. */
  close(): Promise<void>;
};

export type UsageSaid = Extract<Said, { what: "usage" | "bill" | "total" }>;

type CountedRun = Pick<AgentRun, "meter" | "emit" | "maxTurns" | "session">;

/** `model`: what calls are written down under that name none. Watched from now on. */
export async function countUnasked(run: CountedRun, model: string): Promise<UnaskedCalls> {
  const stop = new AbortController();
  let trouble: CallFailure | null = null;
  let turns = 0;
  let storing: Promise<void>[] = [];
  let last: ModelCall[] = [];
  let bill: ModelCall[] | null = null;
  let total: Tokens | null = null;
  let startedAt = performance.now();

  const store = (stored: Promise<void>) => {
    stored.catch(() => {}); // it is waited for at the process's end
    storing.push(stored);
  };
  const count = (call: ModelCall) => {
    turns++;
    run.emit({ kind: "usage", call });
    store(run.meter.count(call));
  };

  await run.meter.watch();
  return {
    stopped: stop.signal,
    trouble: () => trouble,
    hear: (said) => {
      switch (said.what) {
        case "usage":
          for (const call of last.splice(0)) count(call);
          // Whoever has made the last call is not to be stopped for what it cost.
          if (said.isLast) return void last.push(said.call);
          count(said.call);
          if (turns < run.maxTurns) return;
          trouble = {
            kind: "out_of_budget",
            detail: `used all ${run.maxTurns} turns`,
            retryAt: null,
            isFinal: true,
          };
          return stop.abort();
        case "bill":
          bill = said.calls;
          return;
        case "total":
          total = said.tokens;
      }
    },
    close: async () => {
      for (const call of last) count(call);
      await Promise.all(storing);
      if (total) {
        const tokens = subtract(total, lastTotal(run.session.entries));
        bill = [{ model, tokens, latencyMs: performance.now() - startedAt, costUsd: null }];
        turns++;
      }
      if (bill && bill.length > 0) await run.meter.settle(bill);
      [storing, last, bill, total, startedAt] = [[], [], null, null, performance.now()];
    },
  };
}

/** A running total goes on over processes: what an earlier one ended with was counted then. */
function subtract(total: Tokens, before: Tokens | null): Tokens {
  const since = (key: keyof Tokens) => Math.max(0, total[key] - (before?.[key] ?? 0));
  return {
    inputTokens: since("inputTokens"),
    cachedInputTokens: since("cachedInputTokens"),
    outputTokens: since("outputTokens"),
    reasoningTokens: since("reasoningTokens"),
  };
}
