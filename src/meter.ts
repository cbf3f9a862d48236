import { setTimeout as sleep } from "node:timers/promises";
import type { AgentEnd, Meter } from "./agents/agent.ts";
import { parseAgentName } from "./core/agent-name.ts";
import {
  askForMore,
  type Bound,
  type Budget,
  boundOf,
  findSpentCap,
  type Spent,
} from "./core/budget.ts";
import { newId } from "./core/id.ts";
import { costOf, findPrice, type Price, type PriceOverrides } from "./core/prices.ts";
import { type RolesConfig, roleSettings } from "./role-settings.ts";
import type { Db } from "./store/schema.ts";
import { addAgentTime, askGate, leaveGate, readBudget } from "./store/spending.ts";
import { countCall, type UsageKey } from "./store/usage.ts";

/**
 * What one run of an agent uses, written down call by call, and the task's budget at the door of each
 * call. Nothing is summed up here: the sums are rows, so they are the same for every process and
 * after a crash.
 */
export type RunMeter = Meter & {
  /** Aborted when the time is used up while no call is asked for, in a tool or another's program. */
  readonly signal: AbortSignal;
  /** How the run really ended: one that was refused a call, or stopped by this, is out of budget. */
  conclude(end: AgentEnd): AgentEnd;
  close(): Promise<void>;
};

/** Longer than nearly every reply, and within what every model takes. */
const maxOutputTokens = 16_000;
const firstPauseMs = 20;
const maxPauseMs = 500;
const minLookMs = 20;
const maxLookMs = 15_000;

export async function openMeter(
  db: Db,
  about: UsageKey & { bootId: string },
  options: { priceOf: (model: string) => Price | null; signal: AbortSignal },
): Promise<RunMeter> {
  const runId = newId("run");
  const budget = await readBudget(db, about.taskId);
  const stopping = new AbortController();
  let closed = false;
  let refusal: { why: string; question: string } | null = null;
  let clock = performance.now();
  /** The time since it was last asked for: each millisecond is counted once. */
  const takeTime = () => {
    const since = Math.round(performance.now() - clock);
    clock += since;
    return since;
  };
  const ask = async (bound: Bound) => {
    const gate = await askGate(db, { ...about, runId, bound, agentMs: takeTime() });
    if (gate.answer === "stop") refusal = describeRefusal(gate.budget, gate.spent);
    return gate.answer;
  };
  /** Looked at by the clock, because an agent may work long without asking for a call. */
  let clockWatch: NodeJS.Timeout | undefined;
  const look = async () => {
    const spent = await addAgentTime(db, about.taskId, takeTime());
    const now = await readBudget(db, about.taskId);
    if (now?.minutes === undefined) return;
    const leftMs = (now.minutes - spent.minutes) * 60_000;
    if (leftMs > 0) return lookIn(leftMs);
    refusal = describeRefusal(now, spent);
    stopping.abort("budget");
  };
  const lookIn = (ms: number) => {
    if (closed) return;
    // The database may be away: the next look finds the time that this one could not write.
    const again = () => look().catch(() => lookIn(maxLookMs));
    clockWatch = setTimeout(() => void again(), Math.min(maxLookMs, Math.max(minLookMs, ms)));
  };
  if (budget?.minutes !== undefined) await look();
  return {
    signal: stopping.signal,
    limits: budget && {
      maxOutputTokens:
        budget.usd === undefined && budget.tokens === undefined ? null : maxOutputTokens,
    },
    refuse: async (call) => {
      if (!budget) return null;
      const planned = call();
      const bound = boundOf(planned, options.priceOf(planned.model));
      // What is waited for is a call of another agent of this task, and ends as that does.
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(maxPauseMs, pauseMs * 2)) {
        const answer = await ask(bound);
        if (answer === "go") return null;
        if (answer === "stop") return refusal?.why ?? null;
        await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => {});
        if (options.signal.aborted) return null;
      }
    },
    count: async (call) => {
      const costUsd = call.costUsd ?? costOf(call.tokens, options.priceOf(call.model));
      await countCall(db, about, { ...call, costUsd, runId, agentMs: takeTime() });
    },
    conclude: (end) =>
      refusal === null || end.reason === "done" || options.signal.aborted
        ? end
        : {
            ...end,
            reason: "out_of_budget",
            failure: "out_of_budget",
            detail: refusal.why,
            question: refusal.question,
          },
    close: async () => {
      closed = true;
      clearTimeout(clockWatch);
      if (!budget) return;
      await addAgentTime(db, about.taskId, takeTime());
      await leaveGate(db, about.taskId, runId);
    },
  };
}

/** The model that an agent codes with, when it has no price; null: it has one, or cannot be known. */
export function findUnpricedModel(
  config: { model: { name: string }; prices: PriceOverrides; roles: RolesConfig },
  agent: string,
  repository: string,
): string | null {
  if (parseAgentName(agent)?.kind !== "builtin") return null;
  const settings = roleSettings(config.roles, "coder", repository);
  const own = settings.agent === null || settings.agent === agent ? settings.model : null;
  const model = own ?? config.model.name;
  return findPrice(model, config.prices) ? null : model;
}

function describeRefusal(budget: Budget, spent: Spent) {
  return {
    why: findSpentCap(budget, spent) ?? "the budget is used up",
    question: askForMore(budget, spent),
  };
}
