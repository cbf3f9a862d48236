import type { ColumnType, Generated, Kysely, Transaction } from "kysely";
import type { EventType } from "../core/event.ts";
import type { Decision, EndReason, FailureKind } from "../core/failure.ts";
import type { HoldKind } from "../core/hold.ts";
import type { SubtaskState, TaskState } from "../core/lifecycle.ts";
import type { Attempt, Ending, Preparation, Subtask, Task } from "../core/task.ts";
import type { Usage } from "../core/usage.ts";
import type { Check, Verdict } from "../core/verdict.ts";

/**
 * The tables as TypeScript sees them: camelCase here, snake_case in SQL, converted by kysely.
 * A jsonb column is read as its value and written as JSON text (`json(...)` in json.ts), because
 * the driver would turn a JavaScript array into a Postgres array.
 */
type Json<T> = ColumnType<T, string, string>;
type JsonWithDefault<T> = ColumnType<T, string | undefined, string>;
type DefaultTime = ColumnType<Date, Date | string | undefined, Date | string>;
type MaybeTime = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;

export type HoldColumns = {
  holdKind: HoldKind | null;
  holdOwner: string | null;
  holdAt: MaybeTime;
  holdReason: string | null;
  holdQuestionId: string | null;
  holdOn: string[] | null;
  holdSince: DefaultTime;
};

export type TasksTable = HoldColumns & {
  id: string;
  state: TaskState;
  epoch: Generated<number>;
  goal: string;
  repository: string;
  base: string | null;
  agent: string;
  checks: JsonWithDefault<string[]>;
  planInput: ColumnType<Task["planInput"], string | null | undefined, string | null>;
  attachments: JsonWithDefault<Task["attachments"]>;
  delivery: Task["delivery"];
  expectsChange: boolean;
  allowTestChanges: boolean;
  attemptTimeoutMs: ColumnType<string, number, number>;
  origin: Json<Task["origin"]>;
  subject: string | null;
  preparation: ColumnType<Preparation | null, string | null | undefined, string | null>;
  headCommit: string | null;
  branch: string | null;
  deliveredCommit: string | null;
  deliveryUrl: string | null;
  endDetail: string | null;
  cancelRequestedAt: MaybeTime;
  acceptedAt: MaybeTime;
  discardedAt: MaybeTime;
  stageFailures: Generated<number>;
  createdAt: DefaultTime;
  updatedAt: DefaultTime;
  endedAt: MaybeTime;
};

export type SubtasksTable = HoldColumns & {
  id: string;
  taskId: string;
  key: string;
  position: number;
  title: string;
  brief: string;
  dependsOn: string[];
  writes: string[];
  agent: string;
  checks: JsonWithDefault<Check[]>;
  state: SubtaskState;
  epoch: Generated<number>;
  baseCommit: string | null;
  commit: string | null;
  integratedCommit: string | null;
  verdict: ColumnType<Verdict | null, string | null | undefined, string | null>;
  gateVerdict: ColumnType<Verdict | null, string | null | undefined, string | null>;
  feedback: string | null;
  answers: JsonWithDefault<Subtask["answers"]>;
  endDetail: string | null;
  ending: ColumnType<Ending | null, string | null | undefined, string | null>;
  firstCountedAttempt: Generated<number>;
  stageFailures: Generated<number>;
  createdAt: DefaultTime;
  updatedAt: DefaultTime;
};

export type AttemptsTable = {
  id: string;
  taskId: string;
  subtaskId: string;
  number: number;
  epoch: number;
  bootId: string;
  agent: string;
  baseCommit: string;
  startedAt: DefaultTime;
  endedAt: MaybeTime;
  endReason: EndReason | null;
  failure: FailureKind | null;
  detail: string | null;
  outputTail: string | null;
  commit: string | null;
  snapshotRef: string | null;
  summary: string | null;
  question: string | null;
  discoveries: JsonWithDefault<string[]>;
  usage: JsonWithDefault<Usage[]>;
  verdict: ColumnType<Attempt["verdict"], string | null | undefined, string | null>;
  gateVerdict: ColumnType<Attempt["gateVerdict"], string | null | undefined, string | null>;
  decision: ColumnType<Decision | null, string | null | undefined, string | null>;
  logPath: string | null;
};

export type Database = {
  tasks: TasksTable;
  idempotencyKeys: { key: string; bodyHash: string; taskId: string; createdAt: DefaultTime };
  subtasks: SubtasksTable;
  attempts: AttemptsTable;
  events: {
    seq: Generated<string>;
    id: string;
    taskId: string;
    subtaskId: string | null;
    attemptId: string | null;
    type: EventType;
    message: string;
    data: JsonWithDefault<Record<string, unknown>>;
    at: DefaultTime;
  };
  outbox: {
    id: Generated<string>;
    stage: string;
    taskId: string;
    subtaskId: string | null;
    availableAt: DefaultTime;
  };
  questions: {
    id: string;
    taskId: string;
    subtaskId: string | null;
    kind: "question" | "approval";
    text: string;
    askedAt: DefaultTime;
    answer: string | null;
    answeredAt: MaybeTime;
  };
  boots: {
    id: string;
    kind: "daemon" | "worker";
    pid: number;
    startTicks: string | null;
    host: string;
    startedAt: DefaultTime;
    heartbeatAt: DefaultTime;
    endedAt: MaybeTime;
  };
  processes: {
    bootId: string;
    pid: number;
    startTicks: string;
    what: string;
    startedAt: DefaultTime;
  };
  worktrees: {
    id: string;
    taskId: string;
    subtaskId: string;
    mirror: string;
    path: string;
    state: "active" | "removed";
    /** The commit that setup last ran for in this worktree; null before the first time. */
    preparedFor: string | null;
    portBase: number | null;
    snapshotRef: string | null;
    snapshotCommit: string | null;
    createdAt: DefaultTime;
    lastUsedAt: DefaultTime;
    removedAt: MaybeTime;
  };
  baselines: { key: string; data: Json<unknown>; createdAt: DefaultTime };
  inbox: {
    deliveryId: string;
    source: string;
    event: string;
    action: string | null;
    subject: string | null;
    payload: Json<unknown>;
    receivedAt: DefaultTime;
    processedAt: MaybeTime;
    result: string | null;
    taskId: string | null;
  };
  notifications: {
    id: string;
    eventId: string;
    taskId: string;
    channel: string;
    title: string;
    body: string;
    priority: number;
    clickUrl: string | null;
    payload: Json<unknown>;
    attempts: Generated<number>;
    nextAt: DefaultTime;
    claimedUntil: MaybeTime;
    sentAt: MaybeTime;
    lastError: string | null;
    createdAt: DefaultTime;
  };
};

export type Db = Kysely<Database>;
export type Tx = Transaction<Database>;
