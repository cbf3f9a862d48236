import { invariant } from "../base/invariant.ts";

/**
 * Every legal move of a task: each row lists the states that its state may move to. A task is over
 * when it is completed, failed or cancelled; `retry` re-opens a failed one, a comment on the
 * delivered work or an update of it re-opens a completed one. A task that needs approval before anything runs starts
 * in `waiting`, every other in `queued`.
 */
export const taskMoves = {
  queued: ["planning", "failed", "cancelled"],
  planning: ["running", "waiting", "failed", "cancelled"],
  running: ["delivering", "planning", "waiting", "failed", "cancelled"],
  waiting: ["queued", "planning", "running", "delivering", "failed", "cancelled"],
  delivering: ["completed", "running", "waiting", "failed", "cancelled"],
  completed: ["running"],
  failed: ["queued", "running", "delivering"],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

/**
 * A completed subtask is re-opened when it is blamed and rolled back, a failed one by `retry`. A
 * subtask of kind `plan` is superseded by the parts of its plan. One that lost a merge to a sibling
 * is blocked until it can run alone, and so is a stuck one that a person helped; a completed one
 * whose commit was lost until its dependencies are met. A ready one is verified without an attempt
 * where one that was given up finished after all.
 */
export const subtaskMoves = {
  blocked: ["ready", "superseded", "cancelled"],
  ready: ["running", "verifying", "superseded", "cancelled"],
  running: ["verifying", "recovering", "superseded", "cancelled"],
  verifying: ["integrating", "recovering", "waiting", "cancelled"],
  integrating: ["completed", "recovering", "cancelled"],
  recovering: ["ready", "blocked", "waiting", "superseded", "failed", "cancelled"],
  waiting: ["ready", "blocked", "verifying", "superseded", "failed", "cancelled"],
  completed: ["ready", "blocked"],
  superseded: [],
  failed: ["blocked", "cancelled"],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type TaskState = keyof typeof taskMoves;
export type SubtaskState = keyof typeof subtaskMoves;

export const taskStates = Object.keys(taskMoves) as TaskState[];
export const subtaskStates = Object.keys(subtaskMoves) as SubtaskState[];

/** Nothing waits in these states. A terminal row has no hold; every other has exactly one. */
export const terminalTaskStates = ["completed", "failed", "cancelled"] as const;
export const terminalSubtaskStates = ["completed", "superseded", "failed", "cancelled"] as const;

export function isTaskOver(state: string): boolean {
  return (terminalTaskStates as readonly string[]).includes(state);
}
export function isSubtaskOver(state: SubtaskState): boolean {
  return (terminalSubtaskStates as readonly SubtaskState[]).includes(state);
}

export function assertSubtaskMove(from: SubtaskState, to: SubtaskState): void {
  const allowed: readonly SubtaskState[] = subtaskMoves[from];
  invariant(allowed.includes(to), `subtask cannot move from ${from} to ${to}`);
}
export function assertTaskMove(from: TaskState, to: TaskState): void {
  const allowed: readonly TaskState[] = taskMoves[from];
  invariant(allowed.includes(to), `task cannot move from ${from} to ${to}`);
}
