import type { Language } from "../languages.ts";
import type { EditContext } from "../tests/alike.ts";
import { compareTestFiles } from "../tests/compare-test-files.ts";
import { readTestFile } from "../tests/read-test-file.ts";
import {
  composeTests,
  examplesOf,
  type SplitFile,
  splitTests,
  testsText,
} from "../tests/split-tests.ts";
import type { Parts } from "./parts.ts";

/** Splits a source file with tests inside. Null where its tests are unchanged. Pure. */
export function partTests(
  { from, path }: { from: string | null; path: string },
  before: string | null,
  now: string,
  language: Language,
  context: EditContext,
): (Parts & { renamed: { from: string; to: string }[] }) | null {
  const [was, is] = [splitTests(before ?? "", language), splitTests(now, language)];
  const [testsBefore, testsNow] = [testsText(was), testsText(is)];
  const changes: string[] = [];
  let needsAcceptance = false;
  let weaker: string | null = null;
  let renamed: { from: string; to: string }[] = [];
  if (testsBefore.trim() !== testsNow.trim()) {
    const find = (files: EditContext["now"], at: string, text: string) =>
      files.find((file) => file.path === at) ?? readTestFile(at, text, language);
    const [fileBefore, fileNow] = [
      find(context.before, from ?? path, testsBefore),
      find(context.now, path, testsNow),
    ];
    const edit = compareTestFiles(testsBefore.trim() === "" ? null : fileBefore, fileNow, context);
    ({ needsAcceptance, weaker, renamed } = edit);
    changes.push("tests inside it are changed");
  }
  const examples = compareExamples(was, is);
  if (examples) {
    changes.push("examples in it that are run as tests are changed");
    needsAcceptance ||= examples.isOther;
    weaker ??= examples.weaker;
  }
  if (changes.length === 0) return null;
  return {
    changes,
    kind: "test",
    oldJudges: composeTests(is, was),
    oldSource: before === null ? null : composeTests(was, is),
    needsAcceptance,
    weaker,
    renamed,
  };
}

function compareExamples(
  was: SplitFile,
  is: SplitFile,
): { isOther: boolean; weaker: string | null } | null {
  const [before, now] = [examplesOf(was), examplesOf(is)];
  const say = (examples: typeof before) =>
    examples.map(({ key, lines }) => `${key}\n${lines.join("\n")}`).join("\n\n");
  if (say(before) === say(now)) return null;
  const lines = now.map((example) => example.lines);
  // Every old example still exists, line by line, anywhere.
  const lost = before.find((example) => !lines.some((each) => isWithin(example.lines, each)));
  if (!lost) return { isOther: false, weaker: null };
  const same = now.filter(({ key }) => key === lost.key).flatMap((example) => example.lines);
  const isPrompt = (line: string) => /^(>>>|iex>|\/\/[/!].*assert)/.test(line);
  const gone = lost.lines.find((line) => isPrompt(line) && !same.includes(line));
  const isLess = same.filter(isPrompt).length < lost.lines.filter(isPrompt).length;
  return {
    isOther: true,
    weaker: gone && isLess ? `an example is gone: \`${gone.slice(0, 160)}\`` : null,
  };
}

function isWithin(some: readonly string[], all: readonly string[]): boolean {
  let at = 0;
  for (const line of all) if (at < some.length && line === some[at]) at++;
  return at === some.length;
}
