import { compareImports } from "../compare-imports.ts";
import { isDrawnOut } from "../drawn-out.ts";
import { reachesOut, reachesOutIn } from "../reaches-out.ts";
import type { Half, SidedFile } from "../sides.ts";
import { type EditContext, isAlike, isFollowing } from "./alike.ts";
import { explainEdit, explainRemoved } from "./explain-edit.ts";
import { findRenamed, matchTests } from "./match-tests.ts";
import { isOnlyMore } from "./only-more.ts";
import type { Rest, Test, TestFile } from "./read-test-file.ts";
import type { Unit } from "./units.ts";

/**
 * Compares an edited test file with the old one. If every old test still exists with the same body,
 * anywhere, and its surroundings are the same, nobody has to accept the edit. Pure.
 */
export type TestEdit = Pick<SidedFile, "needsAcceptance" | "withOldJudges" | "weaker" | "renamed">;

export function compareTestFiles(
  before: TestFile | null,
  now: TestFile | null,
  context: EditContext,
): TestEdit {
  const matched = matchTests(before?.tests ?? [], now?.tests ?? [], context);
  const { edited, removed, added, same, movedOut } = matched;
  const renamed = findRenamed(before, now, [...same, ...movedOut]);
  if (!now) {
    const weaker =
      removed.length > 0 && before ? explainRemoved(removed, added, before, context) : null;
    const followed = before !== null && followsMoved(before, context);
    return {
      needsAcceptance: removed.length > 0 || before === null || before.tests.length === 0,
      withOldJudges: followed && (removed.length === 0 || weaker === null) ? "change" : "base",
      weaker,
      renamed,
    };
  }
  if (!before) {
    // The experiment with the old judges leaves the file out, so it need not be trusted.
    const isOnlyTests = !reachesOut(now);
    const withMoved = same.length > 0;
    return {
      needsAcceptance: !isOnlyTests,
      // Moved tests must exist for the old judges, too, and may no longer fit their old place.
      withOldJudges:
        withMoved && movedFilesFollow(same, context) ? withoutUnits(now, added) : "base",
      weaker: null,
      renamed,
    };
  }
  const changed = edited.filter(
    ([was, is]) => !isAlike(was.body, is.body, context) && !isOnlyMore(was, is, now),
  );
  const leaving = movedOut.map(([was]) => was);
  const surroundings = compareRest(before, now, { added, leaving }, context);
  const imports = compareImports(before, now, context);
  const isHarmless =
    changed.length === 0 && removed.length === 0 && surroundings && imports !== "other";
  const follows =
    imports === "follows" ||
    edited.some(([was, is]) => isFollowing(was.body, is.body, context)) ||
    surroundings === "follows";
  return {
    needsAcceptance: !isHarmless,
    withOldJudges: isHarmless && follows ? withoutUnits(now, added) : "base",
    weaker: explainEdit(
      before,
      now,
      { changed, removed, added, isWhole: !isHarmless && leaving.length === 0 },
      context,
    ),
    renamed,
  };
}

/** Whether the tests' surroundings are the same, or differ only by following the source. */
function compareRest(
  before: TestFile,
  now: TestFile,
  { added, leaving }: { added: readonly Test[]; leaving: readonly Test[] },
  context: EditContext,
): "same" | "follows" | null {
  const isInNewSuite = ({ unit, within }: Rest) =>
    [unit, ...within].some((each) => each.kind === "suite" && isAllAdded(each, added));
  const isNew = (rest: Rest) =>
    rest.kind === "declaration" &&
    rest.name !== "" &&
    !before.words.has(rest.name) &&
    !reachesOutIn(rest.says);
  const isUnused = (rest: Rest) =>
    rest.kind === "declaration" &&
    rest.name !== "" &&
    (!now.words.has(rest.name) || isDrawnOut(rest, now, context));
  // A module or suite whose tests all moved to another file, and the line that includes that file.
  const hasLeft = ({ kind, unit }: Rest) => kind === "suite" && isAllAdded(unit, leaving);
  const takesIn = ({ says }: Rest) => leaving.length > 0 && /\bmod \w+ ;$/.test(says.join(" "));
  const was = before.rest.filter((rest) => !isUnused(rest) && !hasLeft(rest));
  const is = now.rest.filter((rest) => !isNew(rest) && !isInNewSuite(rest) && !takesIn(rest));
  if (was.length !== is.length) return null;
  let follows = false;
  for (const [at, rest] of was.entries()) {
    const other = is[at];
    if (!other || !isAlike(rest.says, other.says, context)) return null;
    follows ||= isFollowing(rest.says, other.says, context);
  }
  return follows ? "follows" : "same";
}

function isAllAdded(suite: Unit, added: readonly Test[]): boolean {
  return (
    added.length > 0 && testsIn(suite).every((each) => added.some((test) => test.unit === each))
  );
}

function testsIn(unit: Unit): Unit[] {
  return unit.kind === "test" ? [unit] : unit.children.flatMap(testsIn);
}

/** The change's file without the tests that only it has: the old tests, following what moved. */
function withoutUnits(now: TestFile, added: readonly Test[]): Half {
  const suites = now.suites.filter((unit) => isAllAdded(unit, added));
  const cut = [...added.map(({ unit }) => unit), ...suites].sort(
    (a, b) => a.start - b.start || b.end - a.end,
  );
  if (cut.length === 0) return "change";
  let text = "";
  let at = 0;
  for (const unit of cut) {
    const start = now.tokens[unit.start]?.start ?? at;
    const end = now.tokens[unit.end - 1]?.end ?? start;
    if (start < at) continue;
    text += now.text.slice(at, start);
    at = end;
  }
  return { text: text + now.text.slice(at) };
}

/** Whether the old tests cannot even be loaded, because what they import is gone. */
function followsMoved(before: TestFile, { moved }: EditContext): boolean {
  return before.imports.some(({ start, end }) =>
    before.tokens
      .slice(start, end)
      .some(({ text }) =>
        (text.match(/[\p{L}\p{N}_$-]+/gu) ?? []).some(
          (part) => moved.goneStems.has(part) || moved.goneWords.has(part),
        ),
      ),
  );
}

function movedFilesFollow(same: readonly [Test, Test][], context: EditContext): boolean {
  return same.some(([was]) => {
    const file = context.before.find(({ path }) => path === was.path);
    return file !== undefined && followsMoved(file, context);
  });
}
