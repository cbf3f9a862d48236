import type { EventView } from "../../../../../src/api/event.ts";
import { taskHref } from "../task-path.ts";
import type { Attempt, Detail, Subtask, Verdict } from "../types.ts";
import { makeScale, type Scale, type Span } from "./time-scale.ts";

/**
 * The timeline of each subtask: rows of bars on one scale of time, which all subtasks of a task
 * share, so that one sees what ran beside what. Pure; times in milliseconds, widths in the units of
 * the picture.
 */
export type Tone = "run" | "good" | "bad" | "ask" | "off";
export type Bar = {
  row: Row;
  x: number;
  width: number;
  tone: Tone;
  /** Short, for the bar itself; it may not fit. */
  text: string;
  /** A sentence, for hover and screen readers. */
  label: string;
  href: string | null;
};
export const rows = [
  "planning",
  "attempts",
  "checks",
  "questions",
  "recovery",
  "merge",
  "delivery",
] as const;
export type Row = (typeof rows)[number];
export type Lane = { id: string; title: string; state: string; rows: Row[]; bars: Bar[] };
export type Timeline = { lanes: Lane[]; scale: Scale; width: number };

type Mark = Omit<Bar, "x" | "width"> & Span;
/** A bar is at least so wide, so that it can be hit. */
const minWidth = 6;

export function layOutTimeline(
  detail: Pick<Detail, "attempts" | "questions" | "subtasks" | "task">,
  events: readonly EventView[],
  now: number,
  width = 1_000,
): Timeline {
  const lanes = detail.subtasks.map((subtask) => ({
    subtask,
    marks: [
      ...detail.attempts
        .filter(({ subtask_id }) => subtask_id === subtask.id)
        .flatMap((attempt) => markAttempt(detail.task.id, subtask, attempt, now)),
      ...markGate(detail.task.id, subtask),
      ...markQuestions(detail, subtask, now),
      ...markMerge(subtask, events),
    ],
  }));
  const whole = markDelivery(detail, events, now);
  const all = [...lanes.flatMap(({ marks }) => marks), ...whole];
  const scale = makeScale(all, width);
  const place = ({ from, to, ...mark }: Mark): Bar => {
    const x = scale.at(from);
    const wide = Math.max(minWidth, scale.at(to) - x);
    return { ...mark, x: round(Math.min(x, width - wide)), width: round(wide) };
  };
  const finish = (id: string, title: string, state: string, marks: Mark[]): Lane => ({
    ...{ id, title, state, bars: marks.map(place) },
    rows: rows.filter((row) => marks.some((mark) => mark.row === row)),
  });
  return {
    lanes: [
      ...lanes.map(({ subtask, marks }) => finish(subtask.id, subtask.title, subtask.state, marks)),
      ...(whole.length === 0 ? [] : [finish("whole", "The whole task", detail.task.state, whole)]),
    ],
    scale,
    width,
  };
}

function markAttempt(taskId: string, subtask: Subtask, attempt: Attempt, now: number): Mark[] {
  const { agent, decision, detail, end_reason, ended_at, number, started_at, verdict } = attempt;
  const from = Date.parse(started_at);
  const to = ended_at === null ? now : Date.parse(ended_at);
  const name = shorten(agent);
  const query = { subtask: subtask.key, attempt: String(number) };
  const ending = end_reason === null ? "running" : end_reason.replaceAll("_", " ");
  const bar: Mark = {
    ...{ row: "attempts", from, to, text: `${number} ${name}`, tone: toneOfEnd(end_reason) },
    label: `Attempt ${number} with ${name}: ${ending}${detail && end_reason !== "done" ? `, ${detail}` : ""}`,
    href: taskHref(taskId, "log", query),
  };
  const decided: Mark[] = decision
    ? [
        {
          ...{ row: "recovery", from: to, to, text: decision.action.replaceAll("_", " ") },
          tone: decision.action === "retry" ? "ask" : "bad",
          label: `After attempt ${number}: ${decision.reason}`,
          href: taskHref(taskId, "checks", query),
        },
      ]
    : [];
  return [bar, ...markChecks(taskId, verdict, query, `of attempt ${number}`), ...decided];
}

function markChecks(
  taskId: string,
  verdict: Verdict | null,
  query: Record<string, string>,
  of: string,
): Mark[] {
  return (verdict?.checks ?? []).map(({ check, reason, result, run }) => {
    const from = Date.parse(run.started_at);
    return {
      ...{ row: "checks", from, to: from + run.duration_ms, text: check.name },
      tone: result === "pass" ? "good" : result === "fail" ? "bad" : "ask",
      label: `${check.name} ${of}: ${result}, ${reason}`,
      href: taskHref(taskId, "checks", query),
    };
  });
}

/** The checks on the merge of a subtask into the task's branch. */
function markGate(taskId: string, { key, gate_verdict }: Subtask): Mark[] {
  return markChecks(taskId, gate_verdict, { subtask: key }, "on the merge").map((mark) => ({
    ...mark,
    row: "merge",
  }));
}

function markQuestions(
  { questions, task }: Pick<Detail, "questions" | "task">,
  { id }: { id: string | null },
  now: number,
): Mark[] {
  return questions
    .filter(({ subtask_id }) => subtask_id === id)
    .map(({ answer, answered_at, asked_at, kind, text }) => ({
      ...{ row: "questions" as const, from: Date.parse(asked_at), text: kind },
      to:
        answered_at === null
          ? task.ended_at
            ? Date.parse(task.ended_at)
            : now
          : Date.parse(answered_at),
      tone: answered_at === null ? ("ask" as const) : ("off" as const),
      label: `${kind}: ${cut(text, 160)}${answer === null ? "; not answered" : `; answered: ${cut(answer, 80)}`}`,
      href: null,
    }));
}

function markMerge({ id }: Subtask, events: readonly EventView[]): Mark[] {
  return pair(
    events.filter(({ subtask_id }) => subtask_id === id),
    "subtask.integrating",
  ).map(({ end, from, to }) => ({
    ...{ row: "merge", from, to, text: "merge" },
    tone: end?.type === "subtask.completed" ? "good" : end ? "bad" : "run",
    label: end ? end.message : "Being merged into the task's branch",
    href: null,
  }));
}

function markDelivery(
  { questions, task }: Pick<Detail, "questions" | "task">,
  events: readonly EventView[],
  now: number,
): Mark[] {
  const own = events.filter(({ subtask_id }) => subtask_id === null);
  const delivered = pair(own, "task.delivering", now).map(
    ({ end, from, to }): Mark => ({
      ...{ row: "delivery", from, to, text: "delivery" },
      tone: end?.type === "task.completed" ? "good" : end ? "bad" : "run",
      label: end ? end.message : "Being delivered",
      href: null,
    }),
  );
  const planned = pair(own, "task.planning", now).map(
    ({ end, from, to }): Mark => ({
      ...{ row: "planning", from, to, text: "planning", tone: end ? "off" : "run" },
      label: end ? end.message : "Being planned",
      href: taskHref(task.id, "plan"),
    }),
  );
  const asked = markQuestions({ questions, task }, { id: null }, now);
  return [...planned, ...asked, ...delivered];
}

/** From each event of a type to the next that is not mere progress. */
function pair(events: readonly EventView[], type: string, now?: number) {
  return events.flatMap((event, index) => {
    if (event.type !== type) return [];
    const end = events
      .slice(index + 1)
      .find((later) => !/progressed|finished|commented|messaged/.test(later.type));
    const from = Date.parse(event.at);
    return [{ from, to: end ? Date.parse(end.at) : (now ?? from), end: end ?? null }];
  });
}

function toneOfEnd(reason: string | null): Tone {
  if (reason === null) return "run";
  if (reason === "done") return "good";
  return ["needs_input", "cancelled", "out_of_budget", "lost"].includes(reason) ? "ask" : "bad";
}

const shorten = (agent: string): string =>
  agent.startsWith("command:") ? "a command" : cut(agent, 40);

const round = (length: number): number => Math.round(length * 100) / 100;

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;
