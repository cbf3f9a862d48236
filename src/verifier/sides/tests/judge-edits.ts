import type { ChangedFile } from "../../../worktree/read/read-change.ts";
import type { Kind } from "../judge-names.ts";
import { type Language, languageOfText } from "../languages.ts";
import { compareMakefiles } from "../makefiles.ts";
import { reachesOutIn } from "../reaches-out.ts";
import type { EditContext } from "./alike.ts";
import { compareTestFiles, type TestEdit } from "./compare-test-files.ts";
import { readTestFile, type TestFile } from "./read-test-file.ts";
import { splitTests, testsText } from "./split-tests.ts";
import { meaningOf, tokenize } from "./tokens.ts";
import { findSilenced } from "./weaker.ts";

/** Decides whether an edited judge needs acceptance, and whether it is weaker. Pure. */
export type EditedJudge = {
  change: ChangedFile;
  kind: NonNullable<Kind>;
  isRead: boolean;
  commands: string;
};

export function judgeEdit(judge: EditedJudge, context: EditContext): TestEdit {
  const { change, kind } = judge;
  const [before, now] = [change.before?.text ?? null, change.now?.text ?? null];
  const plain: TestEdit = {
    needsAcceptance: true,
    withOldJudges: "base",
    weaker: null,
    renamed: [],
  };
  if (kind === "protected") return plain;
  const path = change.from ?? change.path;
  const renamed = change.from === null ? [] : [{ from: change.from, to: change.path }];
  if (
    change.before !== null &&
    change.before.id === change.now?.id &&
    ["test", "fixture"].includes(kind)
  ) {
    return {
      ...plain,
      needsAcceptance: change.before.mode.slice(0, 3) !== change.now.mode.slice(0, 3),
      renamed,
    };
  }
  if (kind === "test") {
    const [was, is] = [findFile(context.before, path), findFile(context.now, change.path)];
    const isReadable =
      (change.before === null || was !== null) && (change.now === null || is !== null);
    if (isReadable && (was || is)) return compareTestFiles(was, is, context);
  }
  if (kind === "test" || kind === "fixture") return { ...judgeData(judge, before, now), renamed };
  const language = languageOfText(change.path, now ?? before);
  if (before !== null && now !== null && saysTheSame(change.path, before, now, language)) {
    return { ...plain, needsAcceptance: false };
  }
  if (change.before === null && now !== null && /(^|\/)conftest\.py$/.test(change.path)) {
    return { ...plain, needsAcceptance: !isOnlyFixtures(change.path, now) };
  }
  const needsAcceptance = !(
    /make|\.mk$/i.test(change.path) &&
    kind === "runner" &&
    before !== null &&
    now !== null &&
    compareMakefiles(before, now, judge.commands)
  );
  return { ...plain, needsAcceptance, weaker: findSilenced(before, now), renamed };
}

/** A new conftest.py that only holds fixtures, which tests request by name. */
function isOnlyFixtures(path: string, text: string): boolean {
  const file = readTestFile(path, text, "python");
  return (
    !/autouse|pytest_|collect_ignore/.test(text) &&
    !file.tests.length &&
    file.rest.every(({ kind, says }) => kind === "declaration" && !reachesOutIn(says))
  );
}

function findFile(files: readonly TestFile[], path: string): TestFile | null {
  return files.find((file) => file.path === path) ?? null;
}

/** Reads the change's test files and the tests in its source, once, on the base and the change. */
export function readTestFiles(
  judges: readonly { change: ChangedFile; kind: NonNullable<Kind> }[],
  sources: readonly { change: ChangedFile; code: Language }[],
): Pick<EditContext, "before" | "now"> {
  const readInside = (path: string, text: string | null | undefined, language: Language) =>
    text === null || text === undefined
      ? []
      : [readTestFile(path, testsText(splitTests(text, language)), language)];
  const read = (path: string, text: string | null | undefined): TestFile[] => {
    const language = languageOfText(path, text ?? null);
    return text === null || text === undefined || language === null
      ? []
      : [readTestFile(path, text, language)];
  };
  const tests = judges.filter(({ kind }) => kind === "test");
  return {
    before: [
      ...tests.flatMap(({ change }) => read(change.from ?? change.path, change.before?.text)),
      ...sources.flatMap(({ change, code }) =>
        readInside(change.from ?? change.path, change.before?.text, code),
      ),
    ],
    now: [
      ...tests.flatMap(({ change }) => read(change.path, change.now?.text)),
      ...sources.flatMap(({ change, code }) => readInside(change.path, change.now?.text, code)),
    ],
  };
}

/** Whether only comments and layout differ. */
function saysTheSame(
  path: string,
  before: string,
  now: string,
  language: Language | null,
): boolean {
  if (path.endsWith(".json")) {
    try {
      return JSON.stringify(JSON.parse(before)) === JSON.stringify(JSON.parse(now));
    } catch {
      return false;
    }
  }
  const lines = (text: string) =>
    text
      .split("\n")
      .map((line) => line.trimEnd())
      .filter((line) => line !== "" && !/^\s*#(?!!)/.test(line))
      .join("\n");
  if (language === null || language === "other" || language === "shell")
    return lines(before) === lines(now);
  const says = (text: string) => meaningOf(tokenize(text, language), language).join(" ");
  return says(before) === says(now);
}

const listed = /\.(snap|ambr|feature|shot|storyshot)$/;

function judgeData(
  { change, isRead }: EditedJudge,
  before: string | null,
  now: string | null,
): Omit<TestEdit, "renamed"> {
  if (before !== null && now !== null && table.test(change.path)) {
    const isMore = isSubsequence(rowsOf(before), rowsOf(now));
    if (isMore) return { needsAcceptance: false, withOldJudges: "base", weaker: null };
  }
  if (change.before === null) {
    // Only files that come with it read it.
    return { needsAcceptance: isRead, withOldJudges: "base", weaker: null };
  }
  const isEmptied =
    before !== null && before.trim() !== "" && (now ?? "").trim() === "" && change.now !== null;
  if (isEmptied) {
    return { needsAcceptance: true, withOldJudges: "base", weaker: "it was emptied" };
  }
  if (before !== null && now !== null && listed.test(change.path)) {
    const isMore = isSubsequence(before.split("\n"), now.split("\n"));
    const [was, is] = [before, now].map((text) => text.match(/^exports\[/gm)?.length ?? 0) as [
      number,
      number,
    ];
    const weaker = is < was ? `${was - is} of its ${was} snapshots are gone` : null;
    return { needsAcceptance: !isMore, withOldJudges: "base", weaker };
  }
  return { needsAcceptance: true, withOldJudges: "base", weaker: null };
}

const table = /\.(csv|tsv|jsonl|ndjson|json)$/;

/** The rows of a table or list of cases: array elements, a JSON value or lines. */
function rowsOf(text: string): string[] {
  const isJson = /^\s*[[{]/.test(text);
  try {
    const value: unknown = isJson ? JSON.parse(text) : null;
    if (Array.isArray(value)) return value.map((each) => JSON.stringify(each));
    if (isJson) return [JSON.stringify(value)];
  } catch {
    // JSON Lines
  }
  return text.split("\n").map((line) => line.trim());
}

function isSubsequence(before: readonly string[], now: readonly string[]): boolean {
  let at = 0;
  for (const line of now) if (at < before.length && line === before[at]) at++;
  return at === before.length;
}
