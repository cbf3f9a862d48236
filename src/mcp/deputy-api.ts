import type { AttentionView } from "../api/attention.ts";
import type { ListedTaskView, TaskView } from "../api/task/task.ts";
import type { TaskDetailView, UnreadableView } from "../api/task/task-detail.ts";
import type { WhyView } from "../api/task/why.ts";

/**
 * Deputy as its MCP tools see it. The daemon implements it on its service, the command line on the
 * HTTP API, so the tools are written once. Values have wire names, as both sides do. Decisions of a
 * person (approving, resuming, raising a budget, accepting work) are not in it.
 */
export type DeputyApi = {
  /** `input` matches the schema of a new task. */
  submit(input: TaskBody, idempotencyKey: string | null): Promise<TaskView>;
  /** Newest first. */
  list(limit: number): Promise<{ tasks: ListedTaskView[]; unreadable: UnreadableView[] }>;
  /** What needs a person. */
  attention(): Promise<AttentionView>;
  show(taskId: string): Promise<TaskDetailView>;
  why(taskId: string): Promise<WhyView>;
  answer(taskId: string, answer: string, questionId: string): Promise<TaskView>;
  /** As Markdown. */
  receipt(taskId: string): Promise<string>;
  cancel(taskId: string): Promise<TaskView>;
  /**
   * One sentence for any error that these methods throw; an internal error is logged, and reported
   * without its details.
   */
  explain(error: unknown): string;
};

export type TaskBody = { goal: string; repository: string } & Record<string, unknown>;
