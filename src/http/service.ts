import type { AskOption } from "../core/attention/ask.ts";
import type { Attention } from "../core/attention/attention.ts";
import type { Device, Pairing, Scope } from "../core/attention/device.ts";
import type { PushSubscription } from "../core/attention/push-endpoint.ts";
import type { Idempotency } from "../core/ledger/task-ledger.ts";
import type { Changes, TaskCounts } from "../core/page/changes.ts";
import type { CommentPlace, Moved, NewComment, TaskComment } from "../core/page/comment.ts";
import type { LogPart, LogRange } from "../core/page/log-part.ts";
import type { AgentsView } from "../core/page/machines.ts";
import type { KnownRepository, TaskCost, TaskPreview } from "../core/page/overview.ts";
import type { ChangesQuery, FilePatch, TaskChanges } from "../core/page/task-changes.ts";
import type { ListedRow, TaskQuery } from "../core/page/task-list.ts";
import type { TriggersOverview } from "../core/page/triggers.ts";
import type { WarmRepository } from "../core/settings/readiness.ts";
import type { Event } from "../core/task/event.ts";
import type { Freeze } from "../core/task/freeze.ts";
import type { LadderView } from "../core/task/ladder-view.ts";
import type { TaskState } from "../core/task/lifecycle.ts";
import type { RetryInput, Task, TaskInput, TaskOrigin } from "../core/task/task.ts";
import type { Garbled, LogQuery, TaskDetail, TaskSnapshot } from "../core/task/task-detail.ts";
import type { Speaker } from "../orchestrator/commands/commands.ts";
import type { Frozen } from "../orchestrator/commands/freeze.ts";
import type { Explanation } from "../orchestrator/explain/explain.ts";

/**
 * The daemon as the HTTP server sees it, put together by `daemon.ts`. Every method throws a
 * DeputyError for faults that the caller can fix.
 */
export type Service = TaskService & DaemonService & SessionService & PushService;

/** A task is named by its id, an unambiguous beginning of it, or `last` for the newest one. */
export type TaskService = {
  submit(
    input: TaskInput,
    origin: TaskOrigin,
    idempotency: Idempotency | null,
  ): Promise<{ task: Task; created: boolean }>;
  list(query: TaskQuery & { cursor: string | null }): Promise<{
    tasks: ListedRow[];
    garbled: Garbled[];
    nextCursor: string | null;
    freeze: Freeze | null;
  }>;
  /** A task's full id and its state, even if other columns cannot be read. */
  find(id: string): Promise<{ id: string; state: TaskState }>;
  show(id: string): Promise<TaskDetail>;
  /** Events after `afterSeq`, oldest first. */
  events(taskId: string, afterSeq: number, limit: number): Promise<Event[]>;
  why(id: string): Promise<Explanation>;
  ladder(id: string): Promise<LadderView>;
  /**
   * The change as a unified diff, from the base commit to the task branch (or the last attempt).
   */
  diff(id: string): Promise<string>;
  /** The same file by file, of the whole change or of an attempt. */
  changes(id: string, query: ChangesQuery): Promise<TaskChanges>;
  /** The patch of one file. */
  patch(id: string, query: ChangesQuery & { path: string }): Promise<FilePatch>;
  cost(id: string): Promise<TaskCost>;
  receipt(id: string): Promise<{ json: unknown; markdown: string }>;
  /** The last `maxBytes` of the log of one attempt. */
  log(id: string, query: LogQuery): Promise<string>;
  /** A part of it, to follow it with. */
  logPart(id: string, query: Pick<LogQuery, "attempt" | "subtask"> & LogRange): Promise<LogPart>;
  cancel(id: string): Promise<Task>;
  /** Tries again what failed, or is stuck; with changes, if there are any. */
  retry(id: string, changes: RetryInput): Promise<Task>;
  /** `tree`: the one that was shown; refused where another was delivered since. */
  accept(id: string, tree?: string | null): Promise<{ task: Task; detail: string }>;
  /** What it may cost, from now on. */
  setBudget(id: string, usd: number): Promise<{ task: Task; detail: string }>;
  /** Merges the base as it is now into delivered work, which is checked and delivered again. */
  update(id: string): Promise<{ task: Task; detail: string }>;
  discard(id: string): Promise<{ task: Task; detail: string }>;
  rollback(id: string): Promise<{ task: Task; detail: string }>;
  /** `hash` is that of the question's text as shown; null: not known. */
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
    idempotency: Idempotency | null,
  ): Promise<Sent>;
  comment(
    id: string,
    comment: { place: string; text: string },
    idempotency: Idempotency | null,
  ): Promise<Sent>;
  /** Comments on lines, and the tree that stands now. */
  comments(id: string): Promise<{ tree: string | null; comments: TaskComment[] }>;
  /** Where lines of an earlier tree are in the one that stands now. */
  placeComments(id: string, places: { tree: string; comments: CommentPlace[] }): Promise<Moved>;
  /** A batch of comments on what was shown; where that has moved nothing is sent. */
  review(
    id: string,
    review: { tree: string; comments: NewComment[] },
    idempotency: Idempotency | null,
  ): Promise<{ comments: TaskComment[]; when: string; isNew: boolean } | Moved>;
  pause(id: string): Promise<Task>;
  resume(id: string): Promise<Task>;
  /** Puts off what it asks of a person; 0: no longer. */
  snooze(id: string, minutes: number): Promise<{ task: Task; detail: string }>;
  snapshots(id: string): Promise<{ id: string; snapshots: TaskSnapshot[] }>;
  /** Puts one into a folder of its own, which is the person's from then on. */
  restoreSnapshot(
    id: string,
    number: number,
  ): Promise<{ snapshot: TaskSnapshot; path: string; detail: string }>;
  restore(
    id: string,
  ): Promise<{ worktrees: { subtaskId: string; path: string }[]; detail: string }>;
};

/** The pages behind pushes. Each is named by a token, which only the push knows. */
export type AnswerService = {
  /** Throws not_found for a token of nothing, and gone where nothing can be answered any more. */
  page(token: string): Promise<AnswerPage>;
  /**
   * Does what an option stands for, and says what was done. Throws unauthorized where it needs a
   * paired device, forbidden where that may only look, and a DeputyError that says what is true where it comes too late.
   */
  answer(
    token: string,
    press: { option: number; words: string | null; session: string | null; shown: string | null },
  ): Promise<string>;
};

/** Pushes to browsers. */
export type PushService = {
  /** What a browser subscribes with; throws conflict where there is no Web Push. */
  pushKey(): string;
  subscribe(deviceId: string, subscription: PushSubscription): Promise<void>;
  unsubscribe(deviceId: string): Promise<void>;
};

/** Devices that are signed in, and what lets another one in. */
export type SessionService = {
  /** Lets one device in, within minutes. */
  openPairing(scope: Scope): Promise<Pairing>;
  /** Until when a device may be let in; null: there is no code, or it was used. */
  findPairing(): Promise<Date | null>;
  /**
   * Pairs a device with a code or the end of a link; throws forbidden where it is none. `earlier`: the
   * session of the browser; if it is one, its device stays the same and has this session instead.
   */
  signIn(
    code: string,
    name: string,
    earlier: string | null,
  ): Promise<{ session: string; device: Device }>;
  /** The device of a session; null: there is none. */
  findSession(session: string): Promise<Device | null>;
  devices(): Promise<Device[]>;
  changeDevice(id: string, change: { name?: string; scope?: Scope }): Promise<Device>;
  /** Ends its session. */
  revokeDevice(id: string): Promise<Device>;
};

/** Texts are as stored, without secrets: whoever shows them escapes them. */
export type AnswerPage = {
  title: string;
  task: { id: string; repository: string; state: TaskState };
  /** What is asked, or what happened. */
  text: string;
  options: AskOption[];
  /** The commit that is shown: a decision about delivered work is about this one. */
  shown: string | null;
  /** Of the change, where there is one. */
  summary: {
    headline: string;
    files: string[];
    checks: { command: string; result: string }[];
  } | null;
};

/** What is not about a task of the store: events as they happen, the process, triggers. */
export type DaemonService = {
  /**
   * `listener` is called when the task has new events (a hint: read them). Returns a function that
   * stops it.
   */
  onEvents(taskId: string, listener: () => void): () => void;
  /** `listener` is called when any task has new events, or Deputy was frozen: a hint. */
  onNews(listener: () => void): () => void;
  /** Which tasks have events that were committed since a cursor; null: none yet, only where it stands. */
  readChanges(cursor: string | null): Promise<Changes>;
  countTasks(): Promise<TaskCounts>;
  health(): { alive: true; version: string; processId: string; uptimeS: number };
  /** Whether it can accept and work on tasks; `problems` names what is missing, `low_space` and `frozen` why nothing starts. */
  ready(): Promise<{
    ready: boolean;
    problems: string[];
    low_space: string[];
    frozen: string | null;
  }>;
  /** A second freeze changes nothing. */
  freeze(reason: string | null): Promise<Frozen>;
  thaw(): Promise<Frozen>;
  readFreeze(): Promise<Frozen>;
  /** Has the setup of a repository's base run before a worktree needs it. */
  warm(repository: string, base: string | null): Promise<WarmRepository>;
  repositories(): Promise<KnownRepository[]>;
  /** What a task would start with. */
  preview(input: TaskInput, origin: TaskOrigin): Promise<TaskPreview>;
  /** What needs a person. */
  attention(): Promise<Attention>;
  metrics(): Promise<string>;
  /** Sends a push on each channel that is configured; throws a DeputyError if there is none. */
  testPush(): Promise<TestedPush>;
  /** When the button of a test push was pressed; null: not yet. */
  findPress(id: string): Promise<Date | null>;
  /** This machine's agents, in order of preference, and the processes that work. */
  agents(): Promise<AgentsView>;
  receiveGithub(delivery: {
    id: string | undefined;
    event: string | undefined;
    signature: string | undefined;
    rawBody: Buffer;
  }): Promise<{ status: number; message: string }>;
  /** A webhook of another forge. */
  receiveForge(
    forge: "gitea" | "gitlab",
    post: { header(name: string): string | undefined; rawBody: Buffer },
  ): Promise<{ status: number; message: string }>;
  /** A post to an address of its own, of a rule in the section `hook`. */
  receiveHook(post: {
    name: string;
    authorization: string | undefined;
    header(name: string): string | undefined;
    rawBody: Buffer;
  }): Promise<{ status: number; message: string; deliveryId: string | null }>;
  /** `event`: as the forge's header says it; null: guessed, as is `forge`. */
  testTrigger(
    event: string | null,
    payload: Record<string, unknown>,
    forge: "github" | "gitea" | "gitlab" | null,
  ): Promise<unknown>;
  /** The rules, and what came of their events lately. */
  triggers(): Promise<TriggersOverview>;
  /** What a rule would start, by its name; `text`: what would come. */
  tryRule(given: { rule: string; text: string | null }): Promise<unknown>;
  /** Closes the breakers of a rule. */
  resetTrigger(rule: string): Promise<{ detail: string }>;
  listSchedules(): Promise<ScheduleState[]>;
  /** Has it fire now. */
  runSchedule(
    name: string,
  ): Promise<{ deliveryId: string; result: string | null; taskId: string | null }>;
  pauseSchedule(name: string): Promise<ScheduleState>;
  resumeSchedule(name: string): Promise<ScheduleState>;
};

/** What became of a test push. */
export type TestedPush = {
  /** By channel; a problem says why the channel did not take it. */
  channels: { name: string; problem: string | null }[];
  /** Of the push with a button; null: there is none, and `noButton` says why. */
  id: string | null;
  noButton: string | null;
};

/** `when` says which agent receives it when; `isNew` is false for a repeated idempotency key. */
export type Sent = { task: Task; when: string; isNew: boolean };

export type ScheduleState = {
  name: string;
  cron: string;
  tz: string;
  catchUp: "none" | "one";
  repository: string;
  goal: string;
  /** Null: it is paused. */
  nextAt: Date | null;
  pausedAt: Date | null;
  lastSlot: Date | null;
  /** What became of the last time it fired. */
  last: { result: string | null; taskId: string | null } | null;
};
