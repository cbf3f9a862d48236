import type { Check } from "../../core/proof/verdict.ts";
import type { Event } from "../../core/task/event.ts";
import { describeSigns, formatAgo } from "../../core/task/signs-of-life.ts";
import type { Attempt, Subtask } from "../../core/task/task.ts";
import type { Explanation } from "./explain.ts";

/**
 * For `why` of work that runs, or hangs: what was last seen and heard of it and when, which checks
 * have not ended, and which limit ends it when. Pure.
 */
export type RunningFacts = {
  attempts: readonly RunningAttempt[];
  /** The task's latest ones, oldest first. */
  events: readonly Heard[];
  now: Date;
  /** The limits of an attempt; `silentMs` null: its silence does not end it. */
  limitsOf: (attempt: RunningAttempt) => { timeoutMs: number; silentMs: number | null };
};

type RunningAttempt = Pick<
  Attempt,
  "agent" | "endedAt" | "id" | "signs" | "startedAt" | "subtaskId"
>;
type Heard = Pick<Event, "at" | "attemptId" | "data" | "message" | "subtaskId" | "type">;
type Row = Pick<Subtask, "hold" | "id" | "kind" | "state"> & { checks: readonly Limited[] };
type Checked = { preparation: { checks: readonly Limited[] } | null };
type Limited = Pick<Check, "command" | "timeoutMs">;

export function explainRunning(
  own: Explanation,
  task: Checked,
  subtask: Row,
  facts: RunningFacts,
): Explanation {
  if (subtask.hold?.kind !== "lease") return own;
  if (subtask.state === "running") return explainAgent(own, subtask, facts);
  const isChecked = subtask.state === "verifying" || subtask.state === "integrating";
  return isChecked ? explainChecks(own, task, subtask, facts) : own;
}

function explainAgent(
  own: Explanation,
  { id, kind }: Row,
  { attempts, events, limitsOf, now }: RunningFacts,
): Explanation {
  const running = attempts.findLast(({ endedAt, subtaskId }) => subtaskId === id && !endedAt);
  if (!running) return own;
  const heard = events.findLast(({ attemptId }) => attemptId === running.id);
  const signs = [running.signs && describeSigns(running.signs, now), tellHeard(heard, now)];
  const said = signs.filter((sign) => sign !== null).join("; ") || null;
  // A planner has limits of its own.
  if (kind !== "work") return { ...own, signs: said };
  const { silentMs, timeoutMs } = limitsOf(running);
  const seen = Object.values(running.signs ?? {}).flatMap((at) => (at ? [Date.parse(at)] : []));
  const lastSeen = Math.max(running.startedAt.getTime(), heard?.at.getTime() ?? 0, ...seen);
  const limits = [
    `its time limit of ${formatMinutes(timeoutMs)} ends it at about ${formatTime(running.startedAt.getTime() + timeoutMs)}`,
    ...(silentMs === null
      ? []
      : [
          `${formatMinutes(silentMs)} without a sign of life would end it at about ${formatTime(lastSeen + silentMs)}`,
        ]),
  ];
  return { ...own, signs: said, next: `${own.next}; ${limits.join(", and ")}` };
}

function explainChecks(
  own: Explanation,
  task: Checked,
  subtask: Row,
  { events, now }: RunningFacts,
): Explanation {
  const since = events.filter(({ at, subtaskId }) => subtaskId === subtask.id && at >= own.since);
  const ended = new Set(since.map(({ data, type }) => type === "check.finished" && data.command));
  const checks = [...(task.preparation?.checks ?? []), ...subtask.checks];
  const open = new Map(checks.map((check) => [check.command, check.timeoutMs]));
  for (const command of ended) if (typeof command === "string") open.delete(command);
  const listed = [...open].map(
    ([command, timeoutMs]) => `\`${command}\` (its limit: ${formatMinutes(timeoutMs)})`,
  );
  const state =
    listed.length > 0 ? `not ended: ${listed.join(", ")}` : checks.length > 0 && "all checks ended";
  const signs = [state, tellHeard(since.at(-1), now)].filter(Boolean).join("; ");
  return { ...own, signs: signs || null };
}

/** An agent's last line is often the tool that it runs. */
function tellHeard(event: Heard | undefined, now: Date): string | null {
  if (!event) return null;
  const message = event.message.replace(/\s+/g, " ").trim();
  const shown = message.length > 120 ? `${message.slice(0, 120)}…` : message;
  return `last heard ${formatAgo(now.getTime() - event.at.getTime())} ago: ${shown}`;
}

function formatMinutes(ms: number): string {
  return ms < 60_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 6_000) / 10} min`;
}

function formatTime(ms: number): string {
  return new Date(Math.round(ms / 1_000) * 1_000).toISOString().replace(".000Z", "Z");
}
