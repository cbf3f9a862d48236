/**
 * Deputy as its MCP tools see it. The daemon implements it on its service, the command line on the
 * HTTP API, so the tools are written once. Values have wire names, as both sides do. Decisions of a
 * person (approving, resuming, raising a budget, accepting work) are not in it.
 */
export type DeputyApi = {
  /** `input` matches the schema of a new task. */
  submit(input: TaskBody, idempotencyKey: string | null): Promise<TaskView>;
  /** Newest first. */
  list(limit: number): Promise<{ tasks: TaskView[]; unreadable: UnreadableRow[] }>;
  show(taskId: string): Promise<DetailView>;
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

export type TaskView = {
  id: string;
  state: string;
  goal: string;
  repository: string;
  branch: string | null;
  delivered_commit: string | null;
  delivery_url: string | null;
  end_detail: string | null;
  created_at: string;
};

/** A database row that cannot be read, and why. */
export type UnreadableRow = { table: string; id: string; column: string; problem: string };

export type DetailView = {
  unreadable: UnreadableRow[];
  task: TaskView;
  subtasks: { key: string; title: string; state: string }[];
  attempts: { number: number; end_reason: string | null; detail: string | null }[];
  questions: { id: string; kind: string; text: string; answer: string | null }[];
};

export type WhyView = {
  id: string;
  state: string;
  waiting_for: string;
  since: string;
  next: string;
  next_at: string | null;
  unblock: string | null;
  subtasks: WhyView[];
};
