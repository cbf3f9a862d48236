import type { Usage } from "../budget/usage.ts";
import type { Message } from "./message.ts";
import type { PlanRecord } from "./plan.ts";
import type { Attempt, QuestionKind, Subtask, Task } from "./task.ts";

/** A task with everything that belongs to it. */
export type TaskDetail = {
  task: Task;
  subtasks: Subtask[];
  attempts: Attempt[];
  questions: Question[];
  /** Comments and messages to agents, oldest first. */
  messages: Message[];
  plans: PlanRecord[];
  usage: Usage[];
  /** The task's rows that cannot be read, and are missing from the lists. */
  garbled: Garbled[];
  /** Worktrees of the task, so that people find the work. */
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

/** A row that cannot be read, and why. */
export type Garbled = { table: string; id: string; column: string; problem: string };
