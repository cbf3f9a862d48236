import type { TestResults } from "../../core/proof/verdict.ts";
import type { Tree } from "../change/tree.ts";

/**
 * A test runner that Deputy knows: how to recognize a command that starts it, how to make it name
 * its tests in a file, and how to place canaries. One file per runner.
 */
export type Runner = {
  /** Its common name: "node:test", "pytest". */
  name: string;
  /** Whether the command, or what it leads to, starts this runner. */
  isUsed(about: CheckText): boolean;
  /** Makes the runner name its tests; null: only its plain output is available. */
  nameTests(about: CheckText, place: ReportPlace): Naming | null;
  /** Whether this is its output, where no text shows that it runs. Left out: not recognizable. */
  recogniseOutput?(output: string): boolean;
  /** Reads its output where it wrote no report; null for foreign output. */
  readOutput(output: string): TestResults | null;
  /** Places canaries; null: there is no place for one. */
  placeCanary(input: CanaryInput): Promise<Canary | null>;
};

export type CheckText = {
  command: string;
  /** The command and the text of every script, makefile and task that it leads to. */
  texts: string;
};

/** A folder outside the worktree that the run can write; `folder` is its path inside the box. */
export type ReportPlace = { folder: string };

export type Naming = {
  /** The command to run instead, mostly the same. */
  command: string;
  /** Added variables; an existing NODE_OPTIONS goes in front, separated by a space. */
  env: Record<string, string>;
  /** Files to write into the report folder, or below it, before the run (a reporter module). */
  files: { name: string; text: string }[];
  /**
   * Names of the files that the run writes into the report folder, each with at most one `*`, for
   * runs with many processes. All matches, sorted by name, form one report: see
   * parsers/merge-results.ts. Empty: the output is read.
   */
  reports: string[];
  /**
   * Reports that a runner writes into the worktree, relative to its root. They are removed before
   * the run, so that a committed one does not count, and read after it. `*` is part of a name, `**`
   * any folders, here and above.
   */
  treeReports?: string[];
  /** Reads the found reports, named by path; left out: each by its own format, merged. */
  read?(found: readonly { name: string; text: string }[], output: string): TestResults | null;
};

/** Reads the judged tree; the text of a missing file is null. */
export type CanaryInput = Tree & {
  about: CheckText;
  /** The check's tests on the base; null when it did not run there or named no test. */
  tests: TestResults | null;
  /** Preferred test files of the tree: those whose tests newly pass. */
  prefer: readonly string[];
  /** Part of every name, never seen before: letters and digits. */
  token: string;
};

export type Canary = {
  /** Files to add to the tree, or to replace. */
  files: { path: string; text: string }[];
  /**
   * Each must be part of a failing test's name, or printed by a red run that names none. Each is
   * checked by itself: a name that the base does not report is not required of the change.
   */
  names: string[];
};
