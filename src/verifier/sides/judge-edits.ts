import type { ChangedFile } from "../../worktree/read-change.ts";
import { compareTestFiles, type EditContext, type TestEdit } from "./compare-tests-of-files.ts";
import type { Kind } from "./judge-names.ts";
import { type Language, languageOfText } from "./languages.ts";
import { compareMakefiles } from "./makefiles.ts";
import { readTestFile, type TestFile } from "./read-test-file.ts";
import { meaningOf, tokenize } from "./tokens.ts";
import { findSilenced } from "./weaker.ts";

/** What became of a file that judges: whether anybody has to accept it, and whether it is weaker. Pure. */
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
  const needsAcceptance = !(
    /make|\.mk$/i.test(change.path) &&
    kind === "runner" &&
    before !== null &&
    now !== null &&
    compareMakefiles(before, now, judge.commands)
  );
  return { ...plain, needsAcceptance, weaker: findSilenced(before, now), renamed };
}

function findFile(files: readonly TestFile[], path: string): TestFile | null {
  return files.find((file) => file.path === path) ?? null;
}

/** The test files of a change, read once: those of the base and those of the change. */
export function readTestFiles(
  judges: readonly { change: ChangedFile; kind: NonNullable<Kind> }[],
): Pick<EditContext, "before" | "now"> {
  const read = (path: string, text: string | null | undefined): TestFile[] => {
    const language = languageOfText(path, text ?? null);
    return text === null || text === undefined || language === null
      ? []
      : [readTestFile(path, text, language)];
  };
  const tests = judges.filter(({ kind }) => kind === "test");
  return {
    before: tests.flatMap(({ change }) => read(change.from ?? change.path, change.before?.text)),
    now: tests.flatMap(({ change }) => read(change.path, change.now?.text)),
  };
}

/** Comments and layout alone. */
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
  if (change.before === null) {
    // Nothing reads it but what comes with it.
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

function isSubsequence(before: readonly string[], now: readonly string[]): boolean {
  let at = 0;
  for (const line of now) if (at < before.length && line === before[at]) at++;
  return at === before.length;
}
