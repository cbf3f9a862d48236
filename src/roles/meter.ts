import { setTimeout as sleep } from "node:timers/promises";
import type { AgentEnd, Meter } from "../agents/agent.ts";
import { type RolesConfig, roleSettings } from "../config/role-settings.ts";
import { newId } from "../core/base/id.ts";
import { startRunningTimer } from "../core/base/running-timer.ts";
import {
  askForMore,
  type Bound,
  type Budget,
  boundOf,
  findSpentCap,
  type Spent,
} from "../core/budget/budget.ts";
import { costOf, findPrice, type Price, type PriceOverrides } from "../core/budget/prices.ts";
import type { ModelCall } from "../core/budget/usage.ts";
import {
  addDeltas,
  deltaOf,
  noDelta,
  restOf,
  type UsageDelta,
} from "../core/budget/usage-delta.ts";
import { parseAgentName } from "../core/settings/agent-name.ts";
import { waitOut } from "../store/database/outage.ts";
import type { Db } from "../store/database/schema.ts";
import {
  addAgentTime,
  askGate,
  leaveGate,
  type RunWrite,
  readBudget,
} from "../store/records/spending.ts";
import { countUsage, type UsageKey } from "../store/records/usage.ts";

/**
 * Records what one run of an agent uses, call by call, and checks the task's budget before each
 * call. Nothing is summed up here: the sums are rows, so they are the same for every process and
 * after a crash.
 */
export type RunMeter = Meter & {
  /** Aborted when the time, or any watched limit, is used up while no call is requested. */
  readonly signal: AbortSignal;
  /** How the run really ended: a run that was refused a call, or stopped here, is out of budget. */
  conclude(end: AgentEnd): AgentEnd;
  close(): Promise<void>;
};

/** Longer than nearly every reply, and within every model's maximum. */
const maxOutputTokens = 16_000;
const firstPauseMs = 20;
const maxPauseMs = 500;
const minLookMs = 20;
const maxLookMs = 15_000;

export async function openMeter(
  db: Db,
  about: UsageKey & { processId: string },
  options: {
    priceOf: (model: string) => Price | null;
    signal: AbortSignal;
    /** Default: read from the database. */
    budget?: Budget | null;
  },
): Promise<RunMeter> {
  const runId = newId("run");
  const budget = options.budget === undefined ? await readBudget(db, about.taskId) : options.budget;
  const stopping = new AbortController();
  let closed = false;
  let isWatched = false;
  /** By model: counted usage that a bill may still correct. */
  const unbilled = new Map<string, UsageDelta>();
  let refusal: { why: string; question: string } | null = null;
  const clock = startRunningTimer(Number.POSITIVE_INFINITY, () => {});
  let takenMs = 0;
  let writes = 0;
  let last: Promise<unknown> = Promise.resolve();
  /**
   * Writes what is spent, with the time that was not stored yet: each millisecond once, and again where
   * storing it fails. One after the other, and numbered, so that a write whose connection broke is made
   * again and counts once.
   */
  const write = <T>(store: (now: RunWrite & { agentMs: number }) => Promise<T>): Promise<T> => {
    const written = last.then(async () => {
      const agentMs = Math.max(0, Math.round(clock.elapsedMs() - takenMs));
      takenMs += agentMs;
      const now = { runId, write: ++writes, agentMs };
      try {
        return await waitOut(() => store(now), options.signal);
      } catch (error) {
        takenMs -= agentMs;
        throw error;
      }
    });
    last = written.catch(() => {}); // the caller gets the error
    return written;
  };
  const ask = async (bound: Bound) => {
    const gate = await write((now) => askGate(db, { ...about, ...now, bound }));
    if (gate.answer === "stop") refusal = describeRefusal(gate.budget, gate.spent);
    return gate.answer;
  };
  /** Checked by timer, because an agent may work long without requesting a call. */
  let clockWatch: NodeJS.Timeout | undefined;
  const look = async () => {
    if (stopping.signal.aborted) return;
    const spent = await write((now) => addAgentTime(db, { ...now, taskId: about.taskId }));
    const now = await readBudget(db, about.taskId);
    if (!now || (now.minutes === undefined && !isWatched)) return;
    const leftMs = ((now.minutes ?? Number.POSITIVE_INFINITY) - spent.minutes) * 60_000;
    const isSpent = leftMs <= 0 || (isWatched && findSpentCap(now, spent) !== null);
    if (!isSpent) return lookIn(leftMs);
    refusal = describeRefusal(now, spent);
    stopping.abort("budget");
  };
  const lookIn = (ms: number) => {
    clearTimeout(clockWatch);
    if (closed) return;
    // The database may be unavailable: check again later.
    const again = () => look().catch(() => lookIn(maxLookMs));
    clockWatch = setTimeout(() => void again(), Math.min(maxLookMs, Math.max(minLookMs, ms)));
  };
  if (budget?.minutes !== undefined) {
    await look().catch((error) => {
      clock.stop();
      throw error;
    });
  }
  const lookAfterCall = async () => {
    if (isWatched && budget) await look();
  };
  const priced = (call: ModelCall): UsageDelta => {
    const costUsd = call.costUsd ?? costOf(call.tokens, options.priceOf(call.model));
    return deltaOf({ ...call, costUsd });
  };
  const store = (model: string, more: UsageDelta) =>
    write((now) => countUsage(db, about, { ...more, ...now, model }));
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
      // This waits for a call of another agent of this task, and ends with it.
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(maxPauseMs, pauseMs * 2)) {
        const answer = await ask(bound);
        if (answer === "go") return null;
        if (answer === "stop") return refusal?.why ?? null;
        await sleep(pauseMs, undefined, { signal: options.signal }).catch(() => {});
        if (options.signal.aborted) return null;
      }
    },
    count: async (call) => {
      const more = priced(call);
      unbilled.set(call.model, addDeltas(unbilled.get(call.model) ?? noDelta, more));
      await store(call.model, more);
      await lookAfterCall();
    },
    watch: async () => {
      isWatched = true;
      await lookAfterCall();
    },
    settle: async (bill) => {
      const billed = new Map<string, UsageDelta>();
      for (const call of bill) {
        const sum = addDeltas(billed.get(call.model) ?? noDelta, priced(call));
        billed.set(call.model, { ...sum, calls: 1, callsWithoutTokens: call.tokens ? 0 : 1 });
      }
      for (const model of new Set([...unbilled.keys(), ...billed.keys()])) {
        const more = restOf(billed.get(model) ?? noDelta, unbilled.get(model) ?? noDelta);
        if (more) await store(model, more);
      }
      unbilled.clear();
      await lookAfterCall();
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
      clock.stop();
      if (budget) await write((now) => addAgentTime(db, { ...now, taskId: about.taskId }));
      if (writes > 0) await waitOut(() => leaveGate(db, about.taskId, runId), options.signal);
    },
  };
}

/** The unpriced model that an agent codes with; null: it has a price, or is unknown. */
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
