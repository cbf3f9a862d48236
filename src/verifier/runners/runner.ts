import type { TestResults } from "../../core/verdict.ts";
import type { Tree } from "../tree.ts";

/**
 * What Deputy knows of a test runner: how to tell that a command starts it, how to have it name its
 * tests in a file beside what people see, and how to place tests that must fail. One file per runner.
 */
export type Runner = {
  /** As people call it: "node:test", "pytest". */
  name: string;
  /** Whether the command, or what it leads to, starts this runner. */
  isUsed(about: CheckText): boolean;
  /** How to have it name its tests; null: its plain output is all there is. */
  nameTests(about: CheckText, place: ReportPlace): Naming | null;
  /** Whether this is what it prints, where no text told that it runs. Left out: its words are nobody's own. */
  recogniseOutput?(output: string): boolean;
  /** Read what it printed, where it wrote no report; null: not its words. */
  readOutput(output: string): TestResults | null;
  /** Place tests that must fail; null: there is no place for one. */
  placeCanary(input: CanaryInput): Promise<Canary | null>;
};

export type CheckText = {
  command: string;
  /** The command and the text of every script, makefile and task that it leads to. */
  texts: string;
};

/** A folder outside the worktree that the run can write: `folder` is its path inside the box. */
export type ReportPlace = { folder: string };

export type Naming = {
  /** What to run in place of the command: mostly the command itself. */
  command: string;
  /** Beside what is set anyway; a NODE_OPTIONS that is set already goes in front, with a space between. */
  env: Record<string, string>;
  /** Files that have to be in the report folder before the run (a reporter module), by name; a name may lead into a folder below it. */
  files: { name: string; text: string }[];
  /**
   * Names of the files in the report folder that the run writes; each may hold one `*`, for runs of
   * many processes. All that match, in the order of their names, are one report: see
   * parsers/merge-results.ts. Empty: the output is read.
   */
  reports: string[];
  /**
   * Reports that a runner writes into the worktree all the same, relative to its root: removed before
   * the run, so that one of the commit is none, and read after it. `*` is part of a name, `**` any
   * folders, here and above.
   */
  treeReports?: string[];
  /** Reads what was found, by its path below its folder; left out: each by its own format, merged. */
  read?(found: readonly { name: string; text: string }[], output: string): TestResults | null;
};

/** Reads the tree under judgement; texts of files are null where there is none. */
export type CanaryInput = Tree & {
  about: CheckText;
  /** What the check said on the base; null: it was not run there, or named no test. */
  tests: TestResults | null;
  /** Test files of the tree to be preferred: those whose tests newly pass. */
  prefer: readonly string[];
  /** Part of every name, never seen before: letters and digits. */
  token: string;
};

export type Canary = {
  /** Files of the tree to add, or to write in place of what is there. */
  files: { path: string; text: string }[];
  /**
   * Each has to be part of the name of a failing test, or to be printed by a red run that names none.
   * Each is asked for by itself: one that the base does not name either asks nothing of the change.
   */
  names: string[];
};
