import type { ColumnType, Generated, Kysely, KyselyPlugin } from "kysely";
import type { PoolClient } from "pg";
import type { Ask, AskOption } from "../../core/attention/ask.ts";
import type { Deciding } from "../../core/attention/deciding.ts";
import type { Scope } from "../../core/attention/device.ts";
import type { Budget } from "../../core/budget/budget.ts";
import type { Role } from "../../core/budget/usage.ts";
import type { NewNotification } from "../../core/ledger/task-ledger.ts";
import type { AttemptConfinement } from "../../core/proof/confinement.ts";
import type { Check, Verdict } from "../../core/proof/verdict.ts";
import type { EventType } from "../../core/task/event.ts";
import type { Decision, EndReason, FailureKind } from "../../core/task/failure.ts";
import type { HoldKind } from "../../core/task/hold.ts";
import type { SubtaskState } from "../../core/task/lifecycle.ts";
import type { Voice } from "../../core/task/message.ts";
import type { StageName } from "../../core/task/outcome.ts";
import type { Plan, PlanRecord } from "../../core/task/plan.ts";
import type { QuestionKind } from "../../core/task/question.ts";
import type { SignsOfLife } from "../../core/task/signs-of-life.ts";
import type { Attempt, Ending, Preparation, Subtask, Task } from "../../core/task/task.ts";
import type { Card } from "../pushes/cards.ts";
import type { Notifier } from "./notify.ts";

/**
 * The tables as TypeScript sees them: camelCase here, snake_case in SQL, converted by kysely. A
 * jsonb column is read as its value and written as JSON text (`json(...)` in open.ts), because the
 * driver would turn a JavaScript array into a Postgres array.
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

/** The columns that are no plain field of a task: JSON, times, and those with a default. */
type SpecialTaskColumns = {
  epoch: Generated<number>;
  checks: JsonWithDefault<string[]>;
  mode: Generated<Task["mode"]>;
  approval: Generated<Task["approval"]>;
  planInput: ColumnType<Task["planInput"], string | null | undefined, string | null>;
  attachments: JsonWithDefault<Task["attachments"]>;
  allow: JsonWithDefault<string[]>;
  attemptTimeoutMs: ColumnType<string, number, number>;
  budget: ColumnType<Budget | null, string | null | undefined, string | null>;
  origin: Json<Task["origin"]>;
  subject: string | null;
  preparation: ColumnType<Preparation | null, string | null | undefined, string | null>;
  cancelRequestedAt: MaybeTime;
  pausedAt: MaybeTime;
  acceptedAt: MaybeTime;
  rolledBackAt: MaybeTime;
  discardedAt: MaybeTime;
  prunedAt: MaybeTime;
  takenBack: Generated<number>;
  gateVerdict: ColumnType<Verdict | null, string | null | undefined, string | null>;
  stageFailures: Generated<number>;
  postponed: Generated<number>;
  createdAt: DefaultTime;
  updatedAt: DefaultTime;
  endedAt: MaybeTime;
};

export type TasksTable = HoldColumns &
  Omit<Task, "hold" | keyof SpecialTaskColumns> &
  SpecialTaskColumns;

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
  kind: Generated<Subtask["kind"]>;
  depth: Generated<number>;
  lineage: string | null;
  replans: Generated<number>;
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
  acceptedJudges: JsonWithDefault<Subtask["acceptedJudges"]>;
  withoutPaths: JsonWithDefault<Subtask["withoutPaths"]>;
  endDetail: string | null;
  ending: ColumnType<Ending | null, string | null | undefined, string | null>;
  fallback: ColumnType<Subtask["fallback"], string | null | undefined, string | null>;
  sessionId: string | null;
  firstCountedAttempt: Generated<number>;
  stageFailures: Generated<number>;
  postponed: Generated<number>;
  createdAt: DefaultTime;
  updatedAt: DefaultTime;
};

export type AttemptsTable = {
  id: string;
  taskId: string;
  subtaskId: string;
  number: number;
  epoch: number;
  processId: string;
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
  followUps: JsonWithDefault<Attempt["followUps"]>;
  verdict: ColumnType<Attempt["verdict"], string | null | undefined, string | null>;
  gateVerdict: ColumnType<Attempt["gateVerdict"], string | null | undefined, string | null>;
  decision: ColumnType<Decision | null, string | null | undefined, string | null>;
  logPath: string | null;
  confinement: ColumnType<AttemptConfinement | null, string | null | undefined, string | null>;
  sessionId: string | null;
  signs: ColumnType<SignsOfLife | null, string | null | undefined, string | null>;
  report: ColumnType<Attempt["report"], string | null | undefined, string | null>;
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
    /** The transaction that wrote it. */
    xid: Generated<string>;
  };
  eventStream: { series: string };
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
    kind: QuestionKind;
    text: string;
    choices: JsonWithDefault<string[]>;
    askedAt: DefaultTime;
    answer: string | null;
    answeredAt: MaybeTime;
  };
  sessions: {
    id: string;
    taskId: string;
    subtaskId: string | null;
    role: string;
    agent: string;
    attemptId: string | null;
    /** Identifies the open request to a planner or reviewer; null: none, or an attempt's. */
    asked: string | null;
    externalId: string | null;
    entryCount: Generated<number>;
    checkpointCommit: string | null;
    checkpointAt: MaybeTime;
    createdAt: DefaultTime;
  };
  transcript: {
    sessionId: string;
    position: number;
    attemptId: string | null;
    entry: Json<unknown>;
    at: DefaultTime;
  };
  messages: {
    id: string;
    taskId: string;
    subtaskId: string;
    text: string;
    sentAt: DefaultTime;
    deliveredAt: MaybeTime;
    place: string | null;
    voice: Generated<Voice>;
    deliveredTo: string | null;
    doneBy: string | null;
    key: string | null;
    bodyHash: string | null;
    commentId: string | null;
    side: "old" | "new" | null;
    tree: string | null;
  };
  usage: {
    taskId: string;
    /** Empty: about the whole task. */
    subtaskId: string;
    /** Empty: no attempt. */
    attemptId: string;
    role: Role;
    agent: string;
    model: string;
    calls: string;
    callsWithoutTokens: string;
    unpricedCalls: string;
    inputTokens: string;
    cachedInputTokens: string;
    outputTokens: string;
    reasoningTokens: string;
    latencyMs: string;
    costUsd: string;
    firstAt: DefaultTime;
  };
  spending: {
    taskId: string;
    calls: string;
    unpricedCalls: string;
    tokens: string;
    costUsd: string;
    agentMs: string;
    largestTokens: string;
    largestUsd: string;
    /**
     * Per run: the number of its last write here, and the maximum that its call in flight may cost;
     * null: unknown.
     */
    inFlight: Json<
      Record<
        string,
        {
          write?: number;
          process?: string;
          at?: string;
          usd?: number | null;
          tokens?: number | null;
        }
      >
    >;
  };
  plans: {
    id: string;
    taskId: string;
    subtaskId: string | null;
    state: PlanRecord["state"];
    plan: ColumnType<Plan | null, string | null | undefined, string | null>;
    reason: string;
    diff: JsonWithDefault<string[]>;
    refused: JsonWithDefault<string[]>;
    feedback: string | null;
    createdAt: DefaultTime;
  };
  reviews: {
    attemptId: string;
    kind: string;
    seat: number;
    agent: string;
    output: ColumnType<unknown, string | null, never>;
    problem: string | null;
    at: DefaultTime;
  };
  processes: {
    id: string;
    kind: "daemon" | "worker";
    pid: number;
    startTicks: string | null;
    host: string;
    startedAt: DefaultTime;
    heartbeatAt: DefaultTime;
    endedAt: MaybeTime;
    /** It stopped in order; false while it runs. */
    endedCleanly: Generated<boolean>;
    /** When it first finished a stage. */
    progressedAt: MaybeTime;
    version: string | null;
    /** How many attempts it runs at once. */
    slots: number | null;
  };
  childProcesses: {
    processId: string;
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
  flakyTests: {
    repository: string;
    command: string;
    test: string;
    timesFlipped: Generated<number>;
    firstSeenAt: DefaultTime;
    lastSeenAt: DefaultTime;
  };
  inbox: {
    deliveryId: string;
    source: string;
    event: string;
    action: string | null;
    subject: string | null;
    about: string | null;
    payload: Json<unknown>;
    receivedAt: DefaultTime;
    processedAt: MaybeTime;
    result: string | null;
    taskId: string | null;
  };
  writtenComments: { place: string; mark: string; at: DefaultTime };
  schedules: {
    rule: string;
    cron: string;
    tz: string;
    nextAt: Date | null;
    pausedAt: MaybeTime;
    lastSlot: MaybeTime;
  };
  watches: {
    rule: string;
    id: string;
    definition: string;
    state: string | null;
    commit: string | null;
    result: "green" | "red" | null;
    failing: JsonWithDefault<string[]>;
    isNamed: Generated<boolean>;
    detail: string | null;
    trouble: string | null;
    events: Generated<number>;
    deliveryId: string | null;
    seenAt: DefaultTime;
  };
  repairs: {
    taskId: string;
    kind: "checks" | "review";
    key: string;
    signature: string | null;
    startsOver: boolean;
    decision: "repair" | "hand_over";
    at: DefaultTime;
  };
  reconcileCursors: { name: string; seenUntil: Date; etag: string | null };
  reviewThreads: {
    taskId: string;
    label: string;
    reviewId: string;
    place: string;
    /** A bigint, which the driver reads as text. */
    commentId: string | null;
    repliedAt: MaybeTime;
    failures: Generated<number>;
    nextAt: DefaultTime;
  };
  stories: {
    target: string;
    url: string | null;
    told: string | null;
    /** With PostgreSQL's microseconds. */
    toldAt: ColumnType<Date | null, string | undefined, string>;
    problem: string | null;
    failures: Generated<number>;
    nextAt: DefaultTime;
  };
  checkReports: {
    taskId: string;
    commit: string | null;
    isOpen: Generated<boolean>;
    told: string | null;
    /** With PostgreSQL's microseconds. */
    toldAt: ColumnType<Date | null, string | undefined, string>;
    problem: string | null;
    failures: Generated<number>;
    nextAt: DefaultTime;
  };
  notifications: Omit<NewNotification, "payload" | "dueInMs"> & {
    payload: Json<unknown>;
    attempts: Generated<number>;
    nextAt: DefaultTime;
    claimedUntil: MaybeTime;
    sentAt: MaybeTime;
    lastError: string | null;
    /** The beginning of the quiet hours in which it is held for a digest. */
    heldFrom: MaybeTime;
    /** The last time to which it was put off. */
    heldUntil: MaybeTime;
    createdAt: DefaultTime;
  };
  asks: Pick<Ask, "id" | "eventId" | "taskId" | "questionId" | "usedOption" | "usedBy"> & {
    options: Json<AskOption[]>;
    pageHash: string;
    createdAt: DefaultTime;
    expiresAt: Date;
    usedAt: MaybeTime;
    usedMessage: string | null;
  };
  devices: {
    id: string;
    name: string;
    scope: Scope;
    sessionHash: string;
    pairedAt: DefaultTime;
    seenAt: DefaultTime;
  };
  /** Where a browser takes pushes; one for a device, gone with it. */
  pushSubscriptions: {
    endpointHash: string;
    deviceId: string;
    endpoint: string;
    p256dh: string;
    auth: string;
    createdAt: DefaultTime;
    okAt: MaybeTime;
    failures: Generated<number>;
    lastError: string | null;
  };
  /** On delivered work, being carried out. */
  decisions: Omit<Deciding, "startedAt"> & { startedAt: DefaultTime };
  /** What people's screens show, per channel. */
  cards: Card & {
    shownAt: DefaultTime;
    closedAt: MaybeTime;
    attempts: Generated<number>;
    nextAt: DefaultTime;
  };
  /** Which process reads what only one may read. */
  pollLeases: { name: string; processId: string; until: Date };
  replyTopics: { topicHash: string; lastId: string; readAt: DefaultTime };
  /** Tasks whose pushes, and whose place among what needs a person, were put off. */
  snoozes: { taskId: string; until: Date; createdAt: DefaultTime };
};

/** What a database was opened with; transactions take their connections from there. */
export const poolOf = Symbol("pool");
export type Db = Kysely<Database> & {
  [poolOf]?: {
    connect: () => Promise<PoolClient>;
    plugins: KyselyPlugin[];
    notifier: Notifier;
  };
};

/** Created only by `inTransaction`. */
export type Tx = Db & { readonly [ofTransaction]: true; [pendingOf]?: Pending };
declare const ofTransaction: unique symbol;

/** Events and jobs that a transition writes together with its commit. */
export const pendingOf = Symbol("pending");
export type Pending = {
  events: PendingEvent[];
  jobs: PendingJob[];
  /** Sent after the commit. */
  notifications: Set<string>;
};
export type PendingEvent = {
  id: string;
  taskId: string;
  type: EventType;
  message: string;
  data: Record<string, unknown>;
  subtaskId: string | null;
  attemptId: string | null;
};
export type PendingJob = {
  stage: StageName;
  taskId: string;
  subtaskId: string | null;
  at: Date | null;
};
