import type { AttentionView } from "../api/attention.ts";
import type { ListedTaskView } from "../api/task/task.ts";
import { choicesOf, type TaskDetailView, type UnreadableView } from "../api/task/task-detail.ts";
import type { WhyView } from "../api/task/why.ts";
import { listChoices } from "../core/attention/choices.ts";

/** A task for a model, as short data. Pure. */
export function describeTask(task: ListedTaskView) {
  return {
    task_id: task.id,
    state: task.state,
    title: oneLine(task.title, 200),
    goal: oneLine(task.goal, 200),
    repository: task.repository,
    branch: task.branch,
    commit: task.delivered_commit,
    url: task.delivery_url,
    result: task.end_detail,
  };
}

/** An unreadable row, in one sentence. */
export function describeUnreadable({ column, id, problem, table }: UnreadableView): string {
  return `${id} cannot be read: its column ${column} (table ${table}) ${problem}`;
}

/** `why` is null if the task is over and waits for nothing. */
export function describeStatus(
  { task, subtasks, attempts, questions, unreadable }: TaskDetailView,
  why: WhyView | null,
) {
  return {
    ...describeTask(task),
    waiting_for: why?.waiting_for ?? null,
    next: why?.next ?? null,
    unblock: why?.unblock ?? null,
    unreadable: unreadable.map(describeUnreadable),
    subtasks:
      subtasks.length < 2
        ? []
        : subtasks.map(({ key, title, state }) => ({ key, title: oneLine(title, 200), state })),
    attempts: attempts.slice(-maxAttempts).map(({ number, end_reason, detail }) => ({
      number,
      end_reason,
      detail: detail && oneLine(detail, 300),
    })),
    questions: questions
      .filter(({ answer }) => answer === null)
      .map(({ id, kind, text, options }) => {
        const choices = choicesOf({ kind, options });
        const offered = choices.length === 0 ? {} : { choices: listChoices(choices) };
        return { question_id: id, kind, text, ...offered };
      }),
  };
}

const maxAttempts = 5;

/** `name: value` lines for all non-empty values; lists with one entry per line. */
export function toLines(value: Record<string, unknown>): string {
  return Object.entries(value)
    .flatMap(([name, inner]) => {
      if (inner === null || (Array.isArray(inner) && inner.length === 0)) return [];
      if (!Array.isArray(inner)) return [`${name}: ${inner}`];
      return [`${name}:`, ...inner.map((one) => `  ${writeEntry(one)}`)];
    })
    .join("\n");
}

function writeEntry(entry: unknown): string {
  if (entry === null || typeof entry !== "object") return String(entry);
  return Object.values(entry)
    .filter((value) => value !== null)
    .map((value) => oneLine(String(value), 1_000))
    .join(" · ");
}

/** Without the ways to decide, which are for people. */
export function describeAttention({
  kind,
  since,
  snoozed_until,
  subtask,
  task,
  tier,
  why,
}: AttentionView["items"][number]) {
  const about = { task_id: task?.id ?? null, title: task?.title ?? null, subtask };
  return { tier, kind, ...about, since, why, ...(snoozed_until && { snoozed_until }) };
}

/** What a task waits for, with its subtasks indented below. */
export function writeWhy(why: WhyView, indent = ""): string {
  const own = [
    `${why.id} (${why.state}): ${why.waiting_for}, since ${why.since}`,
    `next: ${why.next}${why.next_at ? ` (at ${why.next_at})` : ""}`,
    ...(why.signs ? [`signs of life: ${why.signs}`] : []),
    ...(why.unblock ? [`unblock: ${why.unblock}`] : []),
  ];
  return [
    ...own.map((line) => indent + line),
    ...why.subtasks.map((inner) => writeWhy(inner, `${indent}  `)),
  ].join("\n");
}

export function oneLine(text: string, max: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}
