import type { Deputy, Engine } from "../support/deputy.ts";

/**
 * All that the suite has to know of a system to hand work to it, to break it, and to judge what became
 * of the work. `deputy-system.ts` is the one for Deputy; docs/reliability.md says how to write another.
 */
export type System = {
  /** Starts it, again after an end, and resolves once it takes tasks. */
  start(env: Record<string, string>): Promise<void>;
  /** kill -9 of its main process, and waits until it is gone. */
  kill(): Promise<void>;
  /** Asks it to stop, and waits; returns its exit code. */
  stop(): Promise<number | null>;
  /** Its main process. */
  pid(): number;
  /** The processes of its agents and checks. */
  agents(): Promise<number[]>;
  /** Hands in a task and returns its id. Null: it cannot take it now. The same name twice is one task. */
  submit(task: Task): Promise<string | null>;
  /** Null while it is neither over nor asks a person. Throws, or null, while the system is away. */
  readEnd(id: string): Promise<TaskEnd | null>;
  /** What it said of the task, in order; it says something whenever the work gets on. */
  readEvents(id: string): Promise<{ at: number; text: string }[]>;
  /** The title of the push that tells a person that the task is done. */
  doneTitle(task: string): string;
  /** Folders that it made for its agents and keeps, and the bytes of all that it wrote. */
  disk(): Promise<{ worktrees: number; megabytes: number }>;
  /** Ends and removes everything of it. */
  close(): Promise<void>;
  /** Only Deputy: faults that reach into the program are left out for any other system. */
  deputy?: Deputy;
};

/** The work, as Deputy's own request has it. */
export type Task = {
  repository: string;
  goal: string;
  /** Shell that works in the current folder (`command:…`), or `builtin`: the system's own, by the model. */
  agent: string;
  /** Shell, all of which have to exit with 0 on the finished work; none: nothing is verified. */
  checks: string[];
  [more: string]: unknown;
};

export type TaskEnd = {
  end: "completed" | "failed" | "asks";
  /** Of the repository that the task was for. */
  branch: string | null;
  /** Why, in the system's own words. */
  words: string;
  /** How often it was called done. */
  completions: number;
  /** Commits of it that had to be made again because they were gone. */
  lostWork: number;
  /**
   * Each run of its agents. `died`: the process that ran it did; `stopped`: the system stopped it, for
   * silence, repetition or a limit; `other`: everything else, also "still running".
   */
  attempts: { at: number; ended: "died" | "stopped" | "other"; words: string }[];
};

/** Where the system finds its model and its phone, and what a fault asks of it beyond that. */
export type Surroundings = {
  modelUrl: string;
  phoneUrl: string;
  engine?: Engine;
  /** PostgreSQL as the daemon itself runs it; default: a database on a server of the run. */
  embedded?: boolean;
  env?: Record<string, string>;
  config?: string;
};

/** Thrown where a fault reaches into Deputy and the system is another one. */
export class NotDeputy extends Error {}
