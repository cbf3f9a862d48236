import type { Ask, AskUse } from "../attention/ask.ts";
import type { Deciding, NewDeciding } from "../attention/deciding.ts";
import type { Spent } from "../budget/budget.ts";
import type { Verdict } from "../proof/verdict.ts";
import type { EventType } from "../task/event.ts";
import type { Decision } from "../task/failure.ts";
import type { Hold, HoldKind } from "../task/hold.ts";
import type { SubtaskState, TaskState } from "../task/lifecycle.ts";
import type { Message } from "../task/message.ts";
import type { Outcome, StageName } from "../task/outcome.ts";
import type { PlanRecord } from "../task/plan.ts";
import type { QuestionKind } from "../task/question.ts";
import type { Attempt, Subtask, Task } from "../task/task.ts";
import type { Garbled, Question } from "../task/task-detail.ts";

/**
 * Everything that transitions read and write: the rows of tasks inside one transaction. Transitions
 * know nothing of the database but this, so that they also run on a store in memory, where a test
 * drives them through a million steps. Operations that do not wait for each other may be issued at
 * the same time.
 */
export type TaskLedger = {
  /** Locks a task with its subtasks; null when there is no such task. */
  lockTask(taskId: string): Promise<Locked | null>;
  /** Locks several tasks, always in the same order, with their subtasks where requested. */
  lockTasks(taskIds: readonly string[], options: { withSubtasks: boolean }): Promise<LockedTasks>;
  /** Locks only the task's row. */
  lockTaskRow(taskId: string): Promise<void>;
  getTask(taskId: string): Promise<Task | null>;
  listSubtasks(taskId: string): Promise<Subtask[]>;
  /** The active task of a subject, if there is one. */
  findActiveTask(subject: string): Promise<string | null>;
  findUnsoundHolds(): Promise<UnsoundHold[]>;

  /** Moves a task (or keeps its state) and replaces its hold. Returns the row as it is now. */
  moveTask(
    task: Task,
    to: TaskState,
    hold: Hold | null,
    set?: TaskChange,
    options?: MoveOptions,
  ): Promise<Task>;
  /** Moves a subtask (or keeps its state) and replaces its hold. Returns the row as it is now. */
  moveSubtask(
    subtask: Subtask,
    to: SubtaskState,
    hold: Hold | null,
    set?: SubtaskChange,
    options?: MoveOptions,
  ): Promise<Subtask>;
  /** Inserts a blocked subtask; settling its task in the same transaction sets its real hold. */
  insertSubtask(subtask: NewSubtask): Promise<void>;

  insertAttempt(attempt: NewAttempt): Promise<Attempt>;
  getAttempt(id: string): Promise<Attempt | null>;
  getLatestAttempt(subtaskId: string): Promise<Attempt | null>;
  /** Maps subtask ids to their latest attempts; a subtask without an attempt has no entry. */
  listLatestAttempts(
    subtaskIds: readonly string[],
  ): Promise<Map<string, { id: string; number: number }>>;
  /** Ends an attempt. Null when it had ended already: the first ending stands. */
  endAttemptRow(id: string, ending: AttemptEnding): Promise<{ number: number } | null>;
  /** Attempts of these subtasks whose reports nobody applied, oldest first. */
  listReported(subtaskIds: readonly string[]): Promise<Attempt[]>;
  /** Lists the snapshot of a late report among those of its attempt. False when it was already. */
  noteReport(id: string): Promise<boolean>;
  /** The work of a late report goes on as another attempt: it cannot be taken twice. */
  takeReport(id: string): Promise<void>;
  setOnAttempt(
    id: string | null,
    set: { verdict?: Verdict; gateVerdict?: Verdict; decision?: Decision },
  ): Promise<Pick<Attempt, "sessionId" | "baseCommit"> | null>;

  insertQuestion(question: NewQuestion): Promise<void>;
  listQuestions(taskId: string): Promise<Question[]>;
  listOpenQuestions(taskId: string): Promise<Question[]>;
  setAnswer(id: string, answer: string): Promise<void>;

  /**
   * What a push asks, locked. `isOver`: it has expired. `isPast`: its task was retried since.
   */
  lockAsk(id: string): Promise<{ ask: Ask; isOver: boolean; isPast: boolean } | null>;
  /** Used once; false: it was used before. */
  useAsk(id: string, use: AskUse): Promise<boolean>;
  /** What it was used for did not come about: it may be used again. */
  freeAsk(id: string): Promise<void>;

  /** A person's decision on delivered work that is being carried out. */
  findDeciding(taskId: string): Promise<Deciding | null>;
  insertDeciding(deciding: NewDeciding): Promise<void>;
  deleteDeciding(taskId: string): Promise<void>;

  insertPlan(record: NewPlanRecord): Promise<void>;
  listPlans(taskId: string): Promise<PlanRecord[]>;
  closePlan(id: string, state: "accepted" | "rejected", feedback: string | null): Promise<void>;
  /** The planner of the whole task is not asked again in the same session. */
  closePlanning(taskId: string): Promise<void>;

  insertMessage(message: NewMessage): Promise<void>;
  /** The body hash stored with this key, or null. */
  findMessageKey(taskId: string, key: string): Promise<string | null>;
  /** Comments that no merged attempt received, oldest first. */
  listOpenComments(taskId: string): Promise<Message[]>;
  /** Marks the messages of a merged attempt done. */
  finishMessages(subtaskId: string, attemptId: string): Promise<void>;
  /** An attempt takes over the open messages of another one. */
  passMessages(from: string, to: string): Promise<void>;
  /** Reopens the messages of a subtask whose merged work is lost. */
  reopenMessages(subtaskId: string): Promise<void>;
  /** Moves the open messages of a subtask to the subtasks that replace it. */
  handDownMessages(from: string, to: readonly string[]): Promise<void>;

  readSpent(taskId: string): Promise<Spent>;
  /** Forgets requests about a subtask's work that no reviewer answered. */
  forgetUnanswered(subtaskId: string): Promise<void>;

  /** Appends an event and tells listeners once this transaction commits. Returns its id. */
  appendEvent(taskId: string, event: NewEvent): Promise<string>;
  /** Inserts the notifications of an event; existing ones stay as they are. */
  insertNotifications(rows: readonly NewNotification[]): Promise<void>;
  /** Makes a stage run once the transaction commits, not before `at`. */
  wakeStage(stage: StageName, taskId: string, subtaskId: string | null, at?: Date): Promise<void>;
  /** Tells every process that holds a claim of the task to stop, once this transaction commits. */
  notifyCancel(taskId: string): void;
  /** Tells every process to park the task's attempts, once this transaction commits. */
  notifyPause(taskId: string): void;
  /** Tells every process that pushes are due, once this transaction commits. */
  notifyPushes(): void;
};

/** Runs one transition in a transaction: all of it is written, or nothing. It may run again. */
export type Transact = <T>(work: (ledger: TaskLedger) => Promise<T>) => Promise<T>;

/** `now` is the database's time. */
export type Locked = { task: Task; subtasks: Subtask[]; now: Date };

export type LockedTasks = {
  tasks: Map<string, Task>;
  subtasks: Map<string, Subtask>;
  now: Date;
  /** Unreadable rows, by task; such a task is left out as a whole. */
  garbled: Map<string, Garbled>;
};

/** What a move may set beside state, hold and epoch. */
export type TaskChange = Partial<Omit<Task, MovedField>>;
export type SubtaskChange = Partial<Omit<Subtask, MovedField>>;
type MovedField = "id" | "state" | "hold" | "epoch" | "updatedAt" | "endedAt";

/** `newEpoch`: the row has a new owner, and what an earlier owner reports is refused. */
export type MoveOptions = { newEpoch?: boolean };

export type NewSubtask = Pick<
  Subtask,
  | "id"
  | "taskId"
  | "key"
  | "position"
  | "title"
  | "brief"
  | "dependsOn"
  | "writes"
  | "agent"
  | "checks"
  | "kind"
  | "depth"
> &
  Partial<Pick<Subtask, "lineage" | "replans">>;

export type NewAttempt = Pick<
  Attempt,
  | "id"
  | "taskId"
  | "subtaskId"
  | "number"
  | "epoch"
  | "processId"
  | "agent"
  | "baseCommit"
  | "sessionId"
>;

export type AttemptEnding = Omit<Extract<Outcome, { kind: "attempted" }>, "kind">;

export type NewQuestion = {
  id: string;
  taskId: string;
  subtaskId: string | null;
  kind: QuestionKind;
  text: string;
  /** Absent: none. */
  choices?: string[];
};

export type NewPlanRecord = Omit<PlanRecord, "id" | "createdAt" | "feedback">;

export type NewMessage = Pick<Message, "subtaskId" | "place" | "side" | "text" | "voice"> & {
  taskId: string;
  idempotency: Idempotency | null;
  /** Of a comment: its own id, which copies for other subtasks keep, and the tree that was shown. */
  commentId?: string | null;
  tree?: string | null;
};

/** The caller's key: the same body with it is the same message. */
export type Idempotency = { key: string; bodyHash: string };

export type NewEvent = {
  type: EventType;
  message: string;
  data?: Record<string, unknown>;
  subtaskId?: string | null;
  attemptId?: string | null;
};

/** A notification to a person: one row per event and channel, written in the event's transaction. */
export type NewNotification = {
  id: string;
  eventId: string;
  taskId: string;
  channel: string;
  title: string;
  body: string;
  priority: number;
  clickUrl: string | null;
  payload: Record<string, unknown>;
  /** Absent: at once. */
  dueInMs?: number;
};

/** A hold that will not end by itself, and why. */
export type UnsoundHold = {
  taskId: string;
  subtaskId: string | null;
  kind: HoldKind;
  problem: string;
};
