import { findLateWork } from "../core/ledger/late-work.ts";
import { parseAgentName } from "../core/settings/agent-name.ts";
import type { Decision, Fallback, Rung } from "../core/task/failure.ts";
import type { LadderRung, SubtaskLadder } from "../core/task/ladder-view.ts";
import { isSubtaskOver } from "../core/task/lifecycle.ts";
import { type Attempt, type Subtask, workerOf } from "../core/task/task.ts";
import { maxAttempts } from "./climb-on.ts";
import { decide } from "./decide.ts";
import { countedKinds } from "./ladder.ts";

/** The rungs that this subtask has above repair and fresh attempts. */
export type Above = {
  fallbacks: readonly Fallback[];
  mayReplan: boolean;
  asksForHelp: boolean;
};

type Told = { number: number; decision: Decision };

/**
 * Where a subtask stands on the ladder, and what would come next: the decisions of its attempts, and
 * the decision that one more failure like the last would get. Pure; `attempts` are the subtask's.
 */
export function describeLadder(
  subtask: Pick<
    Subtask,
    "agent" | "baseCommit" | "fallback" | "firstCountedAttempt" | "key" | "kind" | "state"
  >,
  attempts: readonly Attempt[],
  above: Above,
): SubtaskLadder {
  const told = attempts.flatMap(({ decision, number }): Told[] =>
    decision && number >= subtask.firstCountedAttempt ? [{ number, decision }] : [],
  );
  const climbed = told.filter(({ decision }) => countedKinds.has(decision.kind));
  return {
    ...{ key: subtask.key, state: subtask.state },
    ...{ counted: climbed.length, limit: maxAttempts },
    on: climbed.at(-1)?.decision.rung ?? null,
    rungs: listRungs(climbed, above),
    next:
      isSubtaskOver(subtask.state) || waitsForHelp(subtask, told)
        ? null
        : foresee(subtask, attempts, told, above),
    late: isSubtaskOver(subtask.state) ? null : (findLateWork(subtask, attempts)?.number ?? null),
  };
}

/** With a person's answer it starts at the bottom again. */
function waitsForHelp({ state }: Pick<Subtask, "state">, told: readonly Told[]): boolean {
  return state === "waiting" && told.at(-1)?.decision.rung === "help";
}

function listRungs(
  climbed: readonly Told[],
  { asksForHelp, fallbacks, mayReplan }: Above,
): LadderRung[] {
  const usedBy = (rung: LadderRung["rung"], fallback: Fallback | null = null): LadderRung => ({
    ...{ rung, fallback },
    used: climbed
      .filter(({ decision }) => decision.rung === rung && isSame(fallbackOf(decision), fallback))
      .map(({ decision, number }) => ({
        attempt: rung === "give_up" || rung === "help" ? number : number + 1,
        reason: decision.reason,
      })),
  });
  const wasTaken = (rung: Rung) => climbed.some(({ decision }) => decision.rung === rung);
  // One that has had its turn may be configured no more.
  const gone = climbed
    .flatMap(({ decision }) => fallbackOf(decision) ?? [])
    .filter((past) => !fallbacks.some((one) => isSame(one, past)));
  return [
    usedBy("repair"),
    usedBy("fresh"),
    ...[...gone, ...fallbacks].map((one) => usedBy("fallback", one)),
    ...(mayReplan || wasTaken("replan") ? [usedBy("replan")] : []),
    ...(asksForHelp || wasTaken("help") ? [usedBy("help")] : []),
    ...(!asksForHelp || wasTaken("give_up") ? [usedBy("give_up")] : []),
  ];
}

function fallbackOf(decision: Decision): Fallback | null {
  return decision.rung === "fallback" ? decision.fallback : null;
}

function isSame(left: Fallback | null, right: Fallback | null): boolean {
  return left?.agent === right?.agent && left?.model === right?.model;
}

/** The decision about one more failure like the last that counted; before any, about a red check. */
function foresee(
  subtask: Parameters<typeof describeLadder>[0],
  attempts: readonly Attempt[],
  told: readonly Told[],
  { asksForHelp, fallbacks, mayReplan }: Above,
): SubtaskLadder["next"] {
  const history = told.map(({ decision }) => decision);
  const last = history.findLast(({ kind }) => countedKinds.has(kind));
  const { kind, signature } = last ?? { kind: "checks_failed" as const, signature: "" };
  const detail = last ? "the same again" : "a check is red";
  const failure = { kind, signature, detail, evidence: "", question: null, retryAt: null };
  const latest = attempts.at(-1);
  const isEnded = latest === undefined || latest.decision !== null;
  const { rung, reason } = decide(failure, history, {
    ...{ backoffBaseMs: 0, chance: 0, now: new Date(0) },
    place: {
      number: (latest?.number ?? 0) + (isEnded ? 1 : 0),
      firstCounted: subtask.firstCountedAttempt,
    },
    left: {
      hasSession: parseAgentName(workerOf(subtask))?.kind !== "command",
      ...{ isUnchanged: false, failsOver: false, fallbacks, mayReplan },
    },
    askForHelp: asksForHelp ? (why) => why : null,
  });
  return { rung, reason };
}
