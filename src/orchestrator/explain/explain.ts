import { listChoices } from "../../core/attention/choices.ts";
import type { Freeze } from "../../core/task/freeze.ts";
import type { Hold } from "../../core/task/hold.ts";
import { isSubtaskOver, isTaskOver } from "../../core/task/lifecycle.ts";
import type { Message } from "../../core/task/message.ts";
import { isAskedAgain, optionsOf, type QuestionKind } from "../../core/task/question.ts";
import { decisionOf, type Subtask, type Task } from "../../core/task/task.ts";
import { explainFrozen } from "./explain-frozen.ts";
import { explainRunning, type RunningFacts } from "./explain-running.ts";

/**
 * `why`: one deterministic answer to what something waits for, with the same words everywhere:
 * what, since when, what happens next and when, and what would unblock it sooner. Reads the holds and
 * the freeze, and of what runs its latest events.
 */
export type Explanation = {
  id: string;
  state: string;
  waitingFor: string;
  since: Date;
  next: string;
  nextAt: Date | null;
  unblock: string | null;
  /** What was last seen and heard of what runs, and when; null: nothing runs, or it just started. */
  signs: string | null;
  subtasks: Explanation[];
};

type Asked = {
  id: string;
  text: string;
  kind: QuestionKind;
  subtaskId: string | null;
  choices: readonly string[];
  askedAt: Date;
};

export function explain(
  task: Task,
  subtasks: readonly Subtask[],
  questions: readonly Asked[],
  messages: readonly Message[] = [],
  { facts = null, freeze = null }: { facts?: RunningFacts | null; freeze?: Freeze | null } = {},
): Explanation {
  const open = subtasks.filter((subtask) => !isSubtaskOver(subtask.state));
  const about = { task, subtasks, questions };
  const explainRow = (id: string, { hold, state, updatedAt }: Task | Subtask) => {
    const own = explainHold(id, state, hold, updatedAt, about);
    return freeze ? explainFrozen(own, hold, freeze) : own;
  };
  if (isTaskOver(task.state)) return explainOver(task);
  const own = explainRow(task.id, task);
  const comments = messages.filter(
    (message) => message.place !== null && message.doneBy === null && message.deliveredAt === null,
  );
  return {
    ...own,
    ...(comments.length > 0 && {
      next: `${own.next}; ${comments.length === 1 ? "a comment waits" : `${comments.length} comments wait`} to be worked on after that`,
    }),
    ...(task.cancelRequestedAt
      ? { next: "it is cancelled as soon as running work has stopped" }
      : {}),
    // A subtask that waits for the same answer as the task needs no line of its own.
    subtasks: open
      .filter(({ hold }) => !isSameQuestion(hold, task.hold))
      .map((subtask) => {
        const row = explainRow(subtask.key, subtask);
        return facts ? explainRunning(row, task, subtask, facts) : row;
      }),
  };
}

/** Delivered work waits for a person to decide on it, though nothing of the task runs. */
function explainOver(task: Task): Explanation {
  const decision = decisionOf(task);
  const end = `the task is ${task.state}${task.endDetail ? ` (${task.endDetail})` : ""}`;
  const base = {
    ...{ id: task.id, state: task.state, since: task.endedAt ?? task.updatedAt },
    ...{ nextAt: null, signs: null, subtasks: [] },
  };
  if (decision === "open")
    return {
      ...base,
      waitingFor: `your decision on ${task.deliveryUrl ?? task.branch}: ${end}`,
      next: "nothing happens by itself",
      unblock: listDecisions(task),
    };
  const isFailed = task.state === "failed";
  return {
    ...base,
    waitingFor: `nothing: ${end}${decision === null ? "" : `, and you have ${decidedWords[decision]}`}`,
    next: isFailed ? "nothing happens by itself" : "nothing",
    unblock: isFailed ? `deputy retry ${task.id}` : null,
  };
}

const decidedWords = {
  accepted: "accepted it",
  rolled_back: "rolled it back",
  discarded: "discarded it",
} as const;

/** A branch on this machine is merged by us, everything else where it is. */
function listDecisions({ delivery, deliveryUrl, id, repository }: Task): string {
  const merge =
    delivery !== "pr" && repository.startsWith("/")
      ? `deputy accept ${id}`
      : `merge ${deliveryUrl ?? "the branch"} there`;
  return `${merge}, or deputy discard ${id}`;
}

function explainHold(
  id: string,
  state: string,
  hold: Hold | null,
  since: Date,
  about: {
    task: Task;
    subtasks: readonly Subtask[];
    questions: readonly Asked[];
  },
): Explanation {
  const base = { id, state, since, signs: null, subtasks: [] };
  switch (hold?.kind) {
    case "lease":
      return {
        ...base,
        waitingFor: `${hold.doing}, by ${hold.owner}`,
        next: "it reports when it is done; if its process dies, that is noticed by then and the work is taken over",
        nextAt: hold.expiresAt,
        unblock: null,
      };
    case "wake":
      return {
        ...base,
        waitingFor: hold.reason,
        next: "it continues by itself",
        nextAt: hold.at,
        unblock: null,
      };
    case "question": {
      const question = about.questions.find((candidate) => candidate.id === hold.questionId);
      if (question?.kind === "pause") {
        return {
          ...base,
          waitingFor: "a person, who paused it",
          next: "it continues where it stopped once it is resumed",
          nextAt: null,
          unblock: `deputy resume ${about.task.id}`,
        };
      }
      const { choices = [], text = hold.questionId } = question ?? {};
      const offered = choices.length > 0 ? ` (${listChoices(choices)})` : "";
      const example =
        choices.length > 0 ? "1" : `"${(question && optionsOf[question.kind][0]) ?? "…"}"`;
      return {
        ...base,
        waitingFor: `an answer from a person: ${text}${offered}`,
        next: "it continues once it is answered",
        nextAt: null,
        unblock: `deputy answer ${about.task.id} ${example}${question && isAskedAgain(question, about.questions) ? ` --question ${question.id}` : ""}`,
      };
    }
    case "dependency":
      return {
        ...base,
        waitingFor: hold.reason,
        next: describeDependency(hold.on, about.subtasks),
        nextAt: null,
        unblock: null,
      };
    case undefined:
      return { ...base, waitingFor: "nothing", next: "nothing", nextAt: null, unblock: null };
  }
}

function isSameQuestion(left: Hold | null, right: Hold | null): boolean {
  return (
    left?.kind === "question" && right?.kind === "question" && left.questionId === right.questionId
  );
}

function describeDependency(on: readonly string[], subtasks: readonly Subtask[]): string {
  if (on.every((name) => name.startsWith("slot:"))) return "it starts as soon as a slot is free";
  const known = subtasks.filter(({ id }) => on.includes(id));
  return `it continues when ${known.map(({ key, state }) => `"${key}" (${state})`).join(", ") || on.join(", ")} is done`;
}
