import type { ModelCall, Tokens } from "../../core/budget/usage.ts";
import type { AgentRun } from "../agent.ts";
import type { CallFailure } from "../gateway/judge-failure.ts";
import type { Gateway } from "../gateway/open-gateway.ts";
import type { Said } from "./cli.ts";
import { chargeFor, readAccount } from "./running-total.ts";

/**
 * Counts the calls of a program with its own login, which it makes without the gateway. Each call
 * is counted as soon as the program reports it, and the meter ends the run once the budget is used
 * up, so at most the call in progress exceeds it. Usage that is reported only at the end, or again
 * there as a sum, is counted then, each token once. The session remembers, beyond the process, what
 * was counted of a sum that is still to come.
 */
export type UnaskedCalls = Pick<Gateway, "stopped" | "trouble"> & {
  hear(said: UsageSaid): void;
  /** Sets the session the process works in, by the program's id for it. */
  begin(session: string): void;
  /** Call when a process of the run has ended. Stored when it resolves. */
  close(): Promise<void>;
};

export type UsageSaid = Extract<Said, { what: "usage" | "bill" | "total" | "restored" }>;

type CountedRun = Pick<AgentRun, "meter" | "emit" | "maxTurns" | "session">;

/**
 * Watches the meter from now on. `model`: recorded for calls that name none. `hasTotal`: the
 * program reports a running total of its session at its end.
 */
export async function countUnasked(
  run: CountedRun,
  { model, hasTotal }: { model: string; hasTotal: boolean },
): Promise<UnaskedCalls> {
  const stop = new AbortController();
  let trouble: CallFailure | null = null;
  let turns = 0;
  let storing: Promise<void>[] = [];
  let last: ModelCall[] = [];
  let bill: ModelCall[] | null = null;
  let total: Tokens | null = null;
  let restored: Tokens | null = null;
  let session = run.session.externalId;
  let account = readAccount(run.session.entries, session);
  let counted = 0;
  let startedAt = performance.now();

  const store = (stored: Promise<void>) => {
    stored.catch(() => {}); // awaited at the process's end
    storing.push(stored);
  };
  const count = (call: ModelCall) => {
    turns++;
    counted++;
    run.emit({ kind: "usage", call });
    store(hasTotal ? rememberAndCount(call) : run.meter.count(call));
  };
  /** In this order, so that a crash in between leaves a call uncounted, never counted twice. */
  const rememberAndCount = async (call: ModelCall) => {
    await run.session.append([{ counted: call.tokens, of: session }]);
    await run.meter.count(call);
  };

  await run.meter.watch();
  return {
    stopped: stop.signal,
    trouble: () => trouble,
    begin: (id) => {
      if (id === session) return;
      session = id;
      account = readAccount(run.session.entries, id);
    },
    hear: (said) => {
      switch (said.what) {
        case "usage":
          for (const call of last.splice(0)) count(call);
          // A program that made its last call is not stopped for what that call cost.
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
        case "restored":
          restored = said.tokens;
          return;
        case "total":
          total = said.tokens;
      }
    },
    close: async () => {
      for (const call of last) count(call);
      await Promise.all(storing);
      if (total) {
        const tokens = chargeFor(total, account, restored);
        bill = [{ model, tokens, latencyMs: performance.now() - startedAt, costUsd: null }];
        if (counted === 0) turns++;
      }
      if (bill && bill.length > 0) await run.meter.settle(bill);
      if (total) await run.session.append([{ total, of: session }]);
      account = readAccount(run.session.entries, session);
      [storing, last, bill, total, restored, counted] = [[], [], null, null, null, 0];
      startedAt = performance.now();
    },
  };
}
