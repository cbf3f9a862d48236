import type { CheckFailure, CheckRun } from "../../core/forge/check-run.ts";
import type { Repair } from "../../core/forge/decide-repair.ts";
import type { ForgeKind } from "../../core/forge/place.ts";
import type { NewReview, ReviewThread } from "../../core/forge/review-thread.ts";
import type { Author } from "../../core/ledger/author.ts";
import type { Voice } from "../../core/task/message.ts";
import type { Task, TaskOrigin } from "../../core/task/task.ts";
import type { IntakeRequest } from "../../orchestrator/intake/intake.ts";
import type { Admit } from "../guards/admit.ts";
import type { Inbox } from "../inbox.ts";
import type { TriggerRules } from "../rules.ts";
import type { EarlierTask } from "./decide-story.ts";
import type { GithubChange } from "./github-event.ts";
import type { Account } from "./github-trust.ts";
import type { OwnBranch } from "./match-github.ts";

/** What processing the deliveries of one forge needs of the rest; the daemon puts it together. */
export type InboxDeps = {
  /** Whose deliveries are processed. */
  forge: ForgeKind;
  inbox: Omit<Inbox, "insert">;
  rules: () => TriggerRules;
  /** Throws a DeputyError if the request is refused, `conflict` if the subject is busy. */
  submit: (request: IntakeRequest) => Promise<{ task: Pick<Task, "id">; created: boolean }>;
  /** Throws a DeputyError where the rule's guards let nothing start. */
  admit: Admit;
  /** Throws a DeputyError where a subject (of which we wrote too much) is to be left alone. */
  requireQuiet: (subject: string) => Promise<void>;
  findActiveTask: (subject: string) => Promise<string | null>;
  /** The latest task that was to change something for this subject. */
  findEarlier: (subject: string) => Promise<EarlierTask | null>;
  /** Has a task that is over continue with this; `key` makes it happen once. */
  rework: (
    taskId: string,
    what: { text: string; origin: TaskOrigin; goal: string; voice: Voice },
    key: string,
  ) => Promise<void>;
  retry: (taskId: string) => Promise<void>;
  /** The active task that delivered this pull request before. */
  findDeliverer: (pullUrl: string) => Promise<string | null>;
  /** Record what somebody decided on a pull request that a task delivered. Returns its id; null: there is none. */
  decide: (pullUrl: string, decided: { by: string; isMerged: boolean }) => Promise<string | null>;
  /** Stop a task whose subject was closed, or lost its label. Returns the result. */
  stop: (taskId: string, about: { what: string; label: string | null }) => Promise<string>;
  /** Report a change of a task's subject to the task. Returns the result. */
  changeOrigin: (
    taskId: string,
    change: Pick<GithubChange, "what" | "outsideText"> & { mayWrite: boolean },
  ) => Promise<string>;
  /**
   * Tell the agents of an active task what somebody who may write said. Returns the result; null: the
   * task has no agent that could be told.
   */
  tell: (
    taskId: string,
    change: Pick<GithubChange, "what" | "subject"> & { words: Words },
    key: string,
  ) => Promise<string | null>;
  /** Ask the forge whether a person may write; null if no token is configured. */
  hasWriteAccess: ((repository: string, account: Account) => Promise<boolean>) | null;
  /** Whether a label was set on an issue since then; null: nobody can be asked. */
  wasLabelled: ((place: string, label: string, since: Date) => Promise<boolean>) | null;
  /** Whether one of our tasks made this branch, or the commit that it points to. */
  isOwnBranch: (branch: OwnBranch) => Promise<boolean>;
  /** Null without a token: nobody could be answered. */
  commands: CommandDeps | null;
  /** Null without a token. */
  own: OwnPullDeps | null;
  log: (level: "info" | "warn", fields: object, message: string) => void;
};

/** What looking after a pull request of ours needs. */
export type OwnPullDeps = {
  /** The latest task that delivered a pull request from that branch; null: the branch that has the commit. */
  findDelivered: (
    repository: string,
    head: { branch: string | null; commit: string },
  ) => Promise<Task | null>;
  /** Delivered as pull requests there, and not decided on; the oldest first, no more than 100. */
  listOpenPulls: (repository: string) => Promise<Task[]>;
  /** Brings delivered work up to its base, as `deputy update` does: what that did, in a sentence. */
  update: (taskId: string) => Promise<string>;
  /** A pull request as it is now, in the form of GitHub's. */
  readPull: (place: string) => Promise<unknown>;
  listChecks: (repository: string, commit: string) => Promise<CheckRun[]>;
  readFailure: (repository: string, run: CheckRun) => Promise<CheckFailure>;
  /** Oldest first. */
  listRepairs: (taskId: string, kind: "checks" | "review") => Promise<Repair[]>;
  recordRepair: (taskId: string, kind: "checks" | "review", repair: Repair) => Promise<void>;
  /** The task's one comment on its checks there, which is edited. */
  tell: (place: string, taskId: string, text: string) => Promise<void>;
  /** The threads of a pull request that a review began or added to. */
  listThreads: (place: string, reviewId: number) => Promise<ReviewThread[]>;
  /** Keeps them until each has its reply, and returns what each is called. */
  keepThreads: (taskId: string, review: NewReview) => Promise<string[]>;
  callPerson: (taskId: string, why: string) => Promise<void>;
};

/** What commands in comments need. A DeputyError of theirs is told to who gave the command. */
export type CommandDeps = {
  /** The login that we write with there; null: the forge does not tell. */
  findOwnLogin: (repository: string) => Promise<string | null>;
  /** The name of the App that we are in addresses; null: we are none. */
  appSlug: string | null;
  /** Shows that a comment at that place was read; never rejects. */
  acknowledge: (place: string, commentId: number) => Promise<void>;
  /** One comment for each key, however often it is said. */
  reply: (place: string, text: string, key: string) => Promise<void>;
  /** A pull request as it is now, in the form of GitHub's. */
  readPull: (place: string) => Promise<unknown>;
  findTask: (id: string) => Promise<Task | null>;
  /** The task that an idempotency key made. */
  findMade: (key: string) => Promise<Task | null>;
  /**
   * The task that delivered the pull request, else the latest about the subject; an open one first.
   * `changesOnly`: no reviews.
   */
  findAbout: (about: {
    subject: string;
    pullUrl: string | null;
    changesOnly: boolean;
  }) => Promise<Task | null>;
  /** Whether a command with this key has changed the task already. */
  isRecorded: (taskId: string, key: string) => Promise<boolean>;
  /** How a task stands, for anybody to read. */
  describe: (task: Task) => Promise<string>;
  stop: (taskId: string, author: Author) => Promise<void>;
  retry: (taskId: string, author: Author) => Promise<void>;
  answer: (taskId: string, words: string, author: Author) => Promise<void>;
  /** Answers the open question about the budget. */
  grant: (taskId: string, amount: string, author: Author) => Promise<void>;
};

/** What a person says about a subject. */
export type Words = NonNullable<GithubChange["words"]>;
