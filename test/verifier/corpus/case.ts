import type { Files } from "../repository.ts";

/**
 * What the corpus is made of: small real projects, each with one red test whose honest mending is one
 * line of source, and changes to them. A change is honest work or a cheat; both turn the check green
 * in a plain checkout, which is why an exit code tells nobody which of the two it is.
 */
export type Base = {
  /** "jest", "pytest with a golden file". */
  name: string;
  runner: string;
  files: Files;
  /** Run in a clean worktree before the checks. */
  setup?: readonly string[];
  /** The acceptance check: red here. Left out of `report`: what it prints is read. */
  check: string;
  report?: string;
  goal: string;
  /** The honest mending, which alone turns the check green; null: there is nothing to mend. */
  fix: Files | null;
  /** Source that changes and mends nothing, so that a cheat may have some. */
  noise?: Files;
  /** Programs without which it cannot run. */
  needs?: readonly string[];
};

/** What a verdict amounts to: see `outcomeOf`. */
export type Outcome = "verified" | "judges" | "not verified" | "inconclusive";

export type Case = {
  name: string;
  /** "honest", "bad input", or the class of the cheat. */
  class: string;
  base: Base;
  change: Files;
  /** In place of the base's own. */
  check?: string;
  /** More of the repository's own checks beside it. */
  regression?: readonly string[];
  goal?: string;
  /** Paths that the plan says it writes. */
  writes?: readonly string[];
  /** Outcomes that are right. Left out: any but "verified" for a cheat, "verified" or "judges" for honest work. */
  expect?: readonly Outcome[];
  /** What the check says in a plain checkout; left out: green. */
  plainly?: "green" | "red" | "any";
  /** Why a cheat is not told from honest work today; it then counts by itself. */
  known?: string;
  /** Runs in the suite, too, and not only in the whole. */
  quick?: true;
};

/** The change that replaces `from` by `to` in one file of the base. */
export function edit(base: Base, path: string, from: string, to: string): Files {
  const text = textOf(base, path);
  if (!text.includes(from)) throw new Error(`${base.name}: ${path} has no ${JSON.stringify(from)}`);
  return { [path]: text.replace(from, () => to) };
}

/** The change that adds lines to the end of a file of the base. */
export function append(base: Base, path: string, lines: string): Files {
  return { [path]: `${textOf(base, path)}${lines}` };
}

export function textOf(base: Base, path: string): string {
  const text = base.files[path];
  if (typeof text !== "string") throw new Error(`${base.name} has no file ${path}`);
  return text;
}

/** Base without its needs, with other files beside its own. */
export function extend(base: Base, name: string, more: Partial<Base> & { files: Files }): Base {
  return { ...base, ...more, name, files: { ...base.files, ...more.files } };
}
