import {
  type AttentionAction,
  type AttentionItem,
  archiveDays,
  attentionTiers,
} from "../../core/attention/attention.ts";
import { riskOf } from "../../core/attention/risk.ts";
import { needsPerson } from "../../core/forge/decide-repair.ts";
import {
  hashQuestion,
  isAskedAgain,
  optionsOf,
  type QuestionKind,
  takesWords,
} from "../../core/task/question.ts";
import type { ListedTask, Subtask, Task } from "../../core/task/task.ts";
import { titleOf } from "../../core/text/title.ts";
import { explain } from "./explain.ts";

/** What needs a person, of tasks: questions, delivered work, failed work. Pure. */
export type TasksAtRest = {
  waiting: readonly { task: Task; subtasks: readonly Subtask[]; questions: readonly Question[] }[];
  /** Delivered, without a decision. */
  undecided: readonly Task[];
  failed: readonly Task[];
};

type Question = {
  id: string;
  kind: QuestionKind;
  subtaskId: string | null;
  text: string;
  choices: readonly string[];
  askedAt: Date;
  answeredAt: Date | null;
};

/** Items in the order of their tiers, inside a tier the oldest first; snoozed tasks come after all others. */
export function listAttention(
  { failed, undecided, waiting }: TasksAtRest,
  others: readonly AttentionItem[] = [],
  snoozes: ReadonlyMap<string, Date> = new Map(),
): AttentionItem[] {
  const items = [
    ...waiting.flatMap(askItems),
    ...undecided.map(readyItem),
    ...failed.map(failedItem),
    ...others,
  ];
  const withSnooze = items.map((item) => {
    const until = item.task && snoozes.get(item.task.id);
    return until ? { ...item, snoozedUntil: until } : item;
  });
  const wakes = ({ snoozedUntil }: AttentionItem) => snoozedUntil?.getTime() ?? 0;
  const rank = ({ tier }: AttentionItem) => attentionTiers.indexOf(tier);
  const at = ({ since }: AttentionItem) => since?.getTime() ?? 0;
  return withSnooze.toSorted((a, b) => wakes(a) - wakes(b) || rank(a) - rank(b) || at(a) - at(b));
}

/** One for each open question; a task that is being cancelled needs no answer any more. */
function askItems({ questions, subtasks, task }: TasksAtRest["waiting"][number]): AttentionItem[] {
  if (task.cancelRequestedAt) return [];
  const why = explain(task, subtasks, questions);
  return (
    questions
      // Who paused it knows.
      .filter(({ answeredAt, kind }) => answeredAt === null && kind !== "pause")
      .map((question) => {
        const { askedAt, id, kind, subtaskId, text } = question;
        const subtask = subtasks.find((one) => one.id === subtaskId);
        const row = why.subtasks.find(({ id: key }) => key === subtask?.key);
        const waitingFor = [row, why].find((one) => one?.waitingFor.includes(text))?.waitingFor;
        return {
          ...{ id: `question:${id}`, kind, task: describe(task), subtask: subtask?.key ?? null },
          tier: kind === "budget" ? ("spending" as const) : ("blocking" as const),
          ...{
            since: askedAt,
            why: waitingFor ?? `an answer from a person: ${text}`,
            expires: null,
          },
          actions: answersTo(task, question, isAskedAgain(question, questions)),
        };
      })
  );
}

function answersTo({ id }: Task, question: Question, isAgain: boolean): AttentionAction[] {
  const { choices, kind } = question;
  const words = choices.length > 0 ? choices : optionsOf[kind];
  const offered = [...words, ...(takesWords(kind) ? [null] : [])];
  return offered.map((answer, index) => ({
    name: "answer",
    label: answer ?? wordsLabels[kind] ?? "answer in words",
    risk: riskOf(question.kind, answer),
    // An agent's words are nothing to paste into a shell.
    command: `deputy answer ${id} ${answer !== null && choices.length > 0 ? index + 1 : `"${answer ?? "…"}"`}${isAgain ? ` --question ${question.id}` : ""}`,
    request: {
      path: `/v1/tasks/${id}/answer`,
      body: { answer, question_id: question.id, hash: hashQuestion(question.text) },
    },
    href: null,
  }));
}

/** Where an answer in words is not the only one. */
const wordsLabels: Partial<Record<QuestionKind, string>> = {
  plan: "send back with words",
  budget: "another amount",
  stuck: "say what to change",
};

function readyItem(task: Task): AttentionItem {
  const { deliveryUrl, endedAt, id, updatedAt } = task;
  const since = endedAt ?? updatedAt;
  const take = (name: "accept" | "discard"): AttentionAction => ({
    ...{ name, label: name, risk: "high", command: `deputy ${name} ${id}`, href: null },
    request: { path: `/v1/tasks/${id}/${name}`, body: null },
  });
  const isOurs = deliveryUrl === null && task.repository.startsWith("/");
  const first: AttentionAction[] = isOurs
    ? [take("accept")]
    : deliveryUrl === null
      ? []
      : [
          {
            name: "open",
            label: "open",
            risk: "low",
            command: null,
            request: null,
            href: deliveryUrl,
          },
        ];
  return {
    ...{ id: `delivered:${id}`, kind: "delivered", task: describe(task) },
    tier: task.endDetail?.startsWith(needsPerson) ? "failed" : "ready",
    ...{ subtask: null, since, why: explain(task, [], []).waitingFor },
    ...{ actions: [...first, take("discard")], expires: inDays(since, archiveDays.ready) },
  };
}

function failedItem(task: Task): AttentionItem {
  const { endedAt, id, updatedAt } = task;
  const since = endedAt ?? updatedAt;
  const retry: AttentionAction = {
    ...{ name: "retry", label: "retry", risk: "low", command: `deputy retry ${id}`, href: null },
    request: { path: `/v1/tasks/${id}/retry`, body: {} },
  };
  return {
    ...{ id: `failed:${id}`, tier: "failed", kind: "failed", task: describe(task), subtask: null },
    ...{ since, why: explain(task, [], []).waitingFor.replace(/^nothing: /, "") },
    actions: [retry],
    expires: inDays(since, archiveDays.failed),
  };
}

function inDays(since: Date, days: number): Date {
  return new Date(since.getTime() + days * 24 * 60 * 60_000);
}

function describe(task: ListedTask | Task): AttentionItem["task"] {
  const { id, repository, state } = task;
  return { id, title: titleOf(task), repository, state };
}
