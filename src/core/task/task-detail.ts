import type { Usage } from "../budget/usage.ts";
import type { Message } from "./message.ts";
import type { PlanRecord } from "./plan.ts";
import type { QuestionKind } from "./question.ts";
import type { Attempt, Subtask, Task } from "./task.ts";

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
  /** The answers that an agent offers, in its words. */
  choices: string[];
  askedAt: Date;
  answer: string | null;
  answeredAt: Date | null;
};

/** Selects a log: the subtask by its key (null: any), the attempt by its number (null: the latest). */
export type LogQuery = { attempt: number | null; subtask: string | null; maxBytes: number };

/** A row that cannot be read, and why. */
export type Garbled = { table: string; id: string; column: string; problem: string };

/** A kept state of the files of a subtask: what an attempt had made at some moment. */
export type TaskSnapshot = {
  /** From 1, the oldest first; by it a person asks for the snapshot. */
  number: number;
  kind: SnapshotKind;
  subtaskKey: string;
  /** The attempt's number within its subtask; null: the worktree, when it was removed. */
  attempt: number | null;
  at: Date;
  commit: string;
  /** How many files differ from the task's base. */
  files: number;
};

/**
 * `before`: what lay in the worktree before it was reset; `checkpoint`: the last one of an attempt;
 * `attempt`: what an attempt ended with; `worktree`: what lay there before it was removed.
 */
export const snapshotKinds = ["before", "checkpoint", "attempt", "worktree"] as const;
export type SnapshotKind = (typeof snapshotKinds)[number];
