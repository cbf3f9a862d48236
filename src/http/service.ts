import type { Usage } from "../core/budget/usage.ts";
import type { AgentStatus } from "../core/settings/agent-status.ts";
import type { Event } from "../core/task/event.ts";
import type { TaskState } from "../core/task/lifecycle.ts";
import type { Message } from "../core/task/message.ts";
import type { PlanRecord } from "../core/task/plan.ts";
import type {
  Attempt,
  ListedTask,
  QuestionKind,
  Subtask,
  Task,
  TaskInput,
  TaskOrigin,
} from "../core/task/task.ts";
import type { Speaker } from "../orchestrator/commands/commands.ts";
import type { Explanation } from "../orchestrator/commands/explain.ts";
import type { Garbled } from "../store/database/garbled.ts";

/**
 * What the HTTP server needs of the daemon. `daemon.ts` makes it; every method throws a DeputyError
 * for what the caller can mend.
 */
export type Service = {
  submit(
    input: TaskInput,
    origin: TaskOrigin,
    idempotency: { key: string; bodyHash: string } | null,
  ): Promise<{ task: Task; created: boolean }>;
  list(query: {
    state: TaskState | null;
    limit: number;
    cursor: string | null;
  }): Promise<{ tasks: ListedTask[]; garbled: Garbled[]; nextCursor: string | null }>;
  /** The whole id of a task and its state, whatever else of it cannot be read. */
  find(id: string): Promise<{ id: string; state: TaskState }>;
  /** Throws not_found; accepts a full task id or an unambiguous prefix of at least 8 characters. */
  show(id: string): Promise<TaskDetail>;
  /** Events after `afterSeq`, oldest first. */
  events(taskId: string, afterSeq: number, limit: number): Promise<Event[]>;
  /** Called when the task has new events (a hint: read them). Returns how to stop. */
  onEvents(taskId: string, listener: () => void): () => void;
  why(id: string): Promise<Explanation>;
  /** The change as a unified diff, from the base commit to the task branch (or the last attempt). */
  diff(id: string): Promise<string>;
  receipt(id: string): Promise<{ json: unknown; markdown: string }>;
  /** The log of one attempt (default: the latest), the last `maxBytes` of it. */
  log(id: string, attempt: number | null, maxBytes: number): Promise<string>;
  cancel(id: string): Promise<Task>;
  retry(id: string): Promise<Task>;
  accept(id: string): Promise<{ task: Task; detail: string }>;
  discard(id: string): Promise<{ task: Task; detail: string }>;
  /** `hash` is that of the question's text as it was shown; null: it was not kept. */
  answer(
    id: string,
    answer: string,
    questionId: string | null,
    speaker: Speaker,
    hash?: string | null,
  ): Promise<Task>;
  say(
    id: string,
    text: string,
    subtask: string | null,
    idempotency: { key: string; bodyHash: string } | null,
  ): Promise<Sent>;
  comment(
    id: string,
    comment: { place: string; text: string },
    idempotency: { key: string; bodyHash: string } | null,
  ): Promise<Sent>;
  pause(id: string): Promise<Task>;
  resume(id: string): Promise<Task>;
  restore(
    id: string,
  ): Promise<{ worktrees: { subtaskId: string; path: string }[]; detail: string }>;
  health(): { alive: true; version: string; processId: string; uptimeS: number };
  /** Whether it can take and work tasks; `problems` names what is missing. */
  ready(): Promise<{ ready: boolean; problems: string[] }>;
  metrics(): Promise<string>;
  /** The agents of this machine, in the order in which one is chosen. */
  agents(): Promise<AgentStatus[]>;
  receiveGithub(delivery: {
    id: string | undefined;
    event: string | undefined;
    signature: string | undefined;
    rawBody: Buffer;
  }): Promise<{ status: number; message: string }>;
  testTrigger(event: string, payload: unknown): Promise<unknown>;
};

/** `when` says who hears it when; it is not new when its idempotency key was used before. */
export type Sent = { task: Task; when: string; isNew: boolean };

export type TaskDetail = {
  task: Task;
  subtasks: Subtask[];
  attempts: Attempt[];
  questions: Question[];
  /** Comments, and what was said to agents, oldest first. */
  messages: Message[];
  plans: PlanRecord[];
  usage: Usage[];
  /** Rows of it that cannot be read, and are in none of the lists. */
  garbled: Garbled[];
  /** Where the work lies, for people: paths of worktrees that still exist. */
  worktrees: { id: string; subtaskId: string | null; path: string; state: "active" | "removed" }[];
};

export type Question = {
  id: string;
  taskId: string;
  subtaskId: string | null;
  kind: QuestionKind;
  text: string;
  askedAt: Date;
  answer: string | null;
  answeredAt: Date | null;
};
