import { posix } from "node:path";
import { type MovedSource, withoutEnding } from "./moved-source.ts";
import type { Rest, Test, TestFile } from "./read-test-file.ts";
import type { Half, SidedFile } from "./sides.ts";
import type { Unit } from "./units.ts";
import { findWeaker } from "./weaker.ts";

/**
 * An edited test file beside what it was: is every old test still there with the same body, wherever
 * it is now, and is what surrounds them the same? Then nobody has to accept the edit. Pure.
 */
export type TestEdit = Pick<SidedFile, "needsAcceptance" | "withOldJudges" | "weaker" | "renamed">;

export type EditContext = {
  moved: MovedSource;
  /** All tests of the test files that the change touches, before and now. */
  before: readonly TestFile[];
  now: readonly TestFile[];
};

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
    // The experiment with the old judges is without it, so it need not be believed.
    const isOnlyTests = !reachesOut(now);
    const withMoved = same.length > 0;
    return {
      needsAcceptance: !isOnlyTests,
      // What moved here has to be somewhere when the old judges are asked, and it may not fit the old place.
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
    weaker: explain(
      before,
      now,
      { changed, removed, added, isWhole: !isHarmless && leaving.length === 0 },
      context,
    ),
    renamed,
  };
}

type Matched = {
  /** Found with the same body, here or elsewhere, under whatever name. */
  same: [Test, Test][];
  /** Found with the same body in another file. */
  movedOut: [Test, Test][];
  /** Found by name, with another body. */
  edited: [Test, Test][];
  removed: Test[];
  added: Test[];
};

function keyOf({ body }: Test): string {
  return body.join(" ");
}

function matchTests(before: readonly Test[], now: readonly Test[], context: EditContext): Matched {
  const nameOf = ({ names }: Test) => names.join("\n");
  const left = new Set(now);
  const result: Matched = { same: [], movedOut: [], edited: [], removed: [], added: [] };
  const take = (isOne: (test: Test) => boolean): Test | undefined => {
    const found = [...left].find(isOne);
    if (found) left.delete(found);
    return found;
  };
  let open: Test[] = [];
  for (const was of before) {
    const is = take((test) => nameOf(test) === nameOf(was) && keyOf(test) === keyOf(was));
    if (is) result.same.push([was, is]);
    else open.push(was);
  }
  const still: Test[] = [];
  for (const was of open) {
    const is = take((test) => nameOf(test) === nameOf(was));
    if (is) result.edited.push([was, is]);
    else still.push(was);
  }
  open = [];
  for (const was of still) {
    const is =
      take((test) => keyOf(test) === keyOf(was)) ??
      take((test) => isAlike(was.body, test.body, context));
    if (is) result.same.push([was, is]);
    else open.push(was);
  }
  // The same body in another test file of the change, where the base did not have it.
  const elsewhere = context.now.flatMap(({ tests }) => tests).filter((test) => !now.includes(test));
  const hadThere = context.before
    .flatMap(({ tests }) => tests)
    .filter((test) => !before.includes(test));
  for (const was of open) {
    const is = elsewhere.find(
      (test) =>
        (keyOf(test) === keyOf(was) || isAlike(was.body, test.body, context)) &&
        !hadThere.some((other) => other.path === test.path && keyOf(other) === keyOf(was)),
    );
    if (is) result.movedOut.push([was, is]);
    else result.removed.push(was);
  }
  // Of what is new here, some came from another file.
  const gone = context.before
    .flatMap(({ tests }) => tests)
    .filter((test) => !before.includes(test));
  for (const is of left) {
    const from = gone.find(
      (test) =>
        (keyOf(test) === keyOf(is) || isAlike(test.body, is.body, context)) &&
        !context.now.some(
          ({ path, tests }) =>
            path === test.path && tests.some((other) => keyOf(other) === keyOf(test)),
        ),
    );
    if (from) result.same.push([from, is]);
    else result.added.push(is);
  }
  return result;
}

function findRenamed(
  before: TestFile | null,
  now: TestFile | null,
  pairs: readonly [Test, Test][],
): SidedFile["renamed"] {
  const renamed = new Map<string, string>();
  if (before && now && before.path !== now.path) renamed.set(before.path, now.path);
  for (const [was, is] of pairs) {
    const [from, to] = [was.names.join(" > "), is.names.join(" > ")];
    const isSplit = was.path !== is.path && renamed.get(was.path) !== is.path;
    if (isSplit) renamed.set(`${was.path} > ${from}`, `${is.path} > ${to}`);
    if (from !== to && from !== "" && to !== "") renamed.set(from, to);
  }
  return [...renamed].slice(0, 500).map(([from, to]) => ({ from, to }));
}

/** Whether two bodies are the same but for names that the change's source changed, or that are their own. */
function isAlike(was: readonly string[], is: readonly string[], context: EditContext): boolean {
  if (was.length !== is.length) return false;
  return mapWords(was, is, context) !== null;
}

/** Whether they differ, and only by following the source. */
function isFollowing(was: readonly string[], is: readonly string[], context: EditContext): boolean {
  const mapped = mapWords(was, is, context);
  return (
    mapped !== null &&
    [...mapped].some(([from, to]) => from !== to && context.moved.goneWords.has(from))
  );
}

function mapWords(
  was: readonly string[],
  is: readonly string[],
  { moved }: EditContext,
): Map<string, string> | null {
  if (was.length !== is.length) return null;
  const [forth, back] = [new Map<string, string>(), new Map<string, string>()];
  const differing: [string, string, number][] = [];
  for (const [at, from] of was.entries()) {
    const to = is[at] ?? "";
    if (from !== to && isPathOf(from, to, moved)) continue;
    const isWord = /^[\p{L}_$]/u.test(from) && /^[\p{L}_$]/u.test(to);
    if (!isWord && from !== to) return null;
    if (!isWord) continue;
    if ((forth.get(from) ?? to) !== to || (back.get(to) ?? from) !== from) return null;
    forth.set(from, to);
    back.set(to, from);
    if (from !== to) differing.push([from, to, at]);
  }
  for (const [from, to] of differing) {
    const isSubject = moved.goneWords.has(from) && moved.newWords.has(to);
    if (!isSubject && !(declares(was, from) && declares(is, to))) return null;
  }
  return forth;
}

/** A string that names a file which is gone, and one that names a new one. */
function isPathOf(from: string, to: string, moved: MovedSource): boolean {
  if (!/^["'`]/.test(from) || !/^["'`]/.test(to)) return false;
  const [was, is] = [from, to].map((text) =>
    text.split(/[^\p{L}\p{N}_$-]+/u).filter((part) => part !== ""),
  ) as [string[], string[]];
  if (!/[./]/.test(from) || !/[./]/.test(to)) return false;
  const gone = was.filter((part) => !is.includes(part));
  const come = is.filter((part) => !was.includes(part));
  if (gone.length + come.length === 0)
    return /^["'`]\.{1,2}\//.test(from) && /^["'`]\.{1,2}\//.test(to);
  return (
    gone.length > 0 &&
    gone.every((part) => moved.goneStems.has(part) || moved.goneWords.has(part)) &&
    come.every((part) => moved.newStems.has(part) || moved.newWords.has(part))
  );
}

/** Whether a body declares a name itself. */
function declares(body: readonly string[], name: string): boolean {
  return body.some(
    (text, at) =>
      text === name &&
      (/^(const|let|var|val|mut|my|def|fn|function|func|auto|for|as|\||int|String)$/.test(
        body[at - 1] ?? "",
      ) ||
        /^(:=|=>)$/.test(body[at + 1] ?? "") ||
        (body[at + 1] === "=" &&
          /^(\n\d+|;|\{|,)$/.test(body[at - 1] ?? "") &&
          !/[([]/.test(body[at - 2] ?? ""))),
  );
}

const assertionWord =
  /^(assert\w*|expect|is|ok|like|is_deeply|cmp_ok|(EXPECT|ASSERT|CHECK|REQUIRE)\w*|Assert\w*|self|t|must\w*|refute\w*|XCTAssert\w*)$/;

/** Whether a test only gained: rows of its table, or more assertions. */
function isOnlyMore(was: Test, is: Test, now: TestFile): boolean {
  const [before, after] = [was.body, is.body];
  const count = after.length - before.length;
  if (count <= 0) return false;
  let prefix = 0;
  while (prefix < before.length && before[prefix] === after[prefix]) prefix++;
  let suffix = 0;
  while (suffix < before.length - prefix && before.at(-1 - suffix) === after.at(-1 - suffix))
    suffix++;
  if (prefix + suffix < before.length) return false;
  // Where what follows is as what was put in begins, it can be said to begin earlier.
  for (let shift = 0; shift <= Math.min(prefix, 60); shift++) {
    const start = prefix - shift;
    const put = after.slice(start, start + count);
    const rest = [...after.slice(0, start), ...after.slice(start + count)];
    if (rest.join(" ") !== before.join(" ")) break;
    if (isRows(put, after.slice(0, start)) || isAssertions(put, after[start - 1] ?? "", now))
      return true;
  }
  return false;
}

function isRows(put: readonly string[], head: readonly string[]): boolean {
  const open: string[] = [];
  for (const text of head) {
    if (/^[([{]$/.test(text)) open.push(text);
    else if (/^[)\]}]$/.test(text)) open.pop();
  }
  if (!/^[[{]$/.test(open.at(-1) ?? "")) return false;
  let depth = 0;
  for (const [at, text] of put.entries()) {
    if (/^[([{]$/.test(text)) depth++;
    else if (/^[)\]}]$/.test(text) && --depth < 0) return false;
    if (
      text === "(" &&
      /^[\p{L}_$]/u.test(put[at - 1] ?? "") &&
      !/^(param|Some|Ok|Err|Value|vec)$/.test(put[at - 1] ?? "")
    )
      return false;
    if (/^(;|=>|=|return|function|await|lambda|if|def|for)$/.test(text)) return false;
  }
  const isList = put.at(-1) === "," || put[0] === ",";
  const values = put.filter((text) => text !== ",");
  return depth === 0 && isList && /^[[({"'`\d-]/.test(values[0] ?? "");
}

function isAssertions(put: readonly string[], before: string, now: TestFile): boolean {
  const first = put.findIndex((text) => !/^(\n\d+|;)$/.test(text));
  if (first < 0 || !assertionWord.test(put[first] ?? "")) return false;
  const boundary =
    now.language === "python"
      ? /^\n\d+$/.test(put[0] ?? "") || /^\n\d+$/.test(before)
      : /^[;{})]$/.test(before) || before === "";
  if (!boundary) return false;
  let depth = 0;
  for (const [at, text] of put.entries()) {
    if (/^[([{]$/.test(text)) depth++;
    else if (/^[)\]}]$/.test(text) && --depth < 0) return false;
    if (
      /^(=|return|throw|raise|exit|_exit|skip\w*|Skip\w*|process|break|continue|try|catch|except|delete|fail|end|plan|raises|throws)$/.test(
        text,
      )
    )
      return false;
    // Every statement of it asserts.
    const next = put[at + 1];
    const ends = depth === 0 && (text === ";" || /^\n\d+$/.test(text));
    if (ends && next !== undefined && !assertionWord.test(next) && !/^(\n\d+|;)$/.test(next))
      return false;
  }
  return depth === 0;
}

/** Whether what surrounds the tests is the same, and whether it is only because it follows the source. */
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
  // A module or suite of which every test is in another file now, and the line that takes that file in.
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

/** Whether a helper is word for word in another test file of the change now. */
function isDrawnOut({ name, says }: Rest, now: TestFile, context: EditContext): boolean {
  const plain = (texts: readonly string[]) =>
    texts.filter((text) => !/^(export|default|⏎|;|\n0)$/.test(text)).join(" ");
  return (
    name !== "" &&
    !now.rest.some((rest) => rest.name === name) &&
    context.now.some(
      (file) =>
        file.path !== now.path &&
        file.rest.some((rest) => rest.name === name && plain(rest.says) === plain(says)),
    )
  );
}

function isAllAdded(suite: Unit, added: readonly Test[]): boolean {
  return (
    added.length > 0 && testsIn(suite).every((each) => added.some((test) => test.unit === each))
  );
}

function testsIn(unit: Unit): Unit[] {
  return unit.kind === "test" ? [unit] : unit.children.flatMap(testsIn);
}

/** Whether the imports are as they were, or only follow files and names that moved, or serve new tests. */
function compareImports(
  before: TestFile,
  now: TestFile,
  context: EditContext,
): "same" | "follows" | "other" {
  const { moved } = context;
  const drawnOut = new Set(
    before.rest.filter((rest) => isDrawnOut(rest, now, context)).map(({ name }) => name),
  );
  let movedAlong = false;
  const sayOf = (file: TestFile, { start, end }: Unit) =>
    file.tokens.slice(start, end).map(({ text }) => {
      const place = resolveFrom(file.path, text);
      const to = file === before ? moved.files.get(withoutEnding(place.slice(3, -1))) : undefined;
      if (to === undefined || place === text) return place;
      movedAlong = true;
      return `"./${to}${/\.\w+"$/.exec(place)?.[0] ?? '"'}`;
    });
  const [was, is] = [
    before.imports.map((unit) => sayOf(before, unit)),
    now.imports.map((unit) => sayOf(now, unit)),
  ];
  const keys = new Set(is.map((each) => each.join(" ")));
  const had = new Set(was.map((each) => each.join(" ")));
  const come = is.filter(
    (each) => !had.has(each.join(" ")) && !each.some((text) => drawnOut.has(text)),
  );
  const gone = was.filter((each) => !keys.has(each.join(" ")));
  const partsOf = (texts: readonly string[]) =>
    texts.flatMap((text) => text.match(/[\p{L}\p{N}_$-]+/gu) ?? []);
  const goneParts = new Set(gone.flatMap(partsOf));
  const comeParts = new Set(come.flatMap(partsOf));
  const bodyWords = new Set([
    ...before.tests.flatMap(({ body }) => body),
    ...before.rest.flatMap(({ says }) => says),
  ]);
  let follows = false;
  for (const part of comeParts) {
    if (goneParts.has(part) || neutral.test(part)) continue;
    if (moved.newStems.has(part) && isReplacing(goneParts, moved)) follows = true;
    else if (moved.newWords.has(part)) follows ||= isReplacing(goneParts, moved);
    // What no old test knows is there for the new ones.
    else if (bodyWords.has(part) && !before.words.has(part)) return "other";
    else if (!isForNewTests(part, come, bodyWords, before)) return "other";
  }
  for (const part of goneParts) {
    if (comeParts.has(part) || neutral.test(part)) continue;
    if (moved.goneStems.has(part) || moved.goneWords.has(part)) follows = true;
    else if (bodyWords.has(part) && now.words.has(part) && !isImported(part, is)) return "other";
    else if (isReplacing(goneParts, moved)) follows = true;
    else if (
      gone.some(
        (each) =>
          partsOf(each).includes(part) &&
          partsOf(each).some(
            (name) => bodyWords.has(name) && now.words.has(name) && !isStillFrom(name, each, is),
          ),
      )
    )
      return "other";
  }
  return follows || movedAlong ? "follows" : "same";
}

/** A relative path as one from the root, so that a file that moved imports the same by another path. */
function resolveFrom(path: string, text: string): string {
  return /^["'`]\.{1,2}\//.test(text)
    ? `"./${posix.join(posix.dirname(path), text.slice(1, -1))}"`
    : text;
}

const neutral =
  /^(import|from|const|let|var|require|export|use|package|using|as|js|ts|mjs|cjs|tsx|jsx|py|node|await|type|static|pub|crate|super|include|default|h|hpp)$/;

function isReplacing(goneParts: ReadonlySet<string>, moved: MovedSource): boolean {
  return [...goneParts].some(
    (part) =>
      moved.goneStems.has(part) ||
      moved.goneWords.has(part) ||
      [...goneParts].some((name) => moved.lostWords.get(part)?.has(name)),
  );
}

function isImported(name: string, imports: readonly (readonly string[])[]): boolean {
  return imports.some((each) => each.includes(name));
}

/** Whether the same name still comes from the same place. */
function isStillFrom(
  name: string,
  was: readonly string[],
  imports: readonly (readonly string[])[],
): boolean {
  const place = was.find((text) => /^["'`]/.test(text));
  return imports.some(
    (each) => each.includes(name) && (place === undefined || each.includes(place)),
  );
}

/** An import of which no old test uses a name. */
function isForNewTests(
  part: string,
  come: readonly (readonly string[])[],
  bodyWords: ReadonlySet<string>,
  before: TestFile,
): boolean {
  const statements = come.filter((each) =>
    each.some((text) => text.match(/[\p{L}\p{N}_$-]+/gu)?.includes(part)),
  );
  return statements.every((each) => {
    const names = each.filter((text) => /^[\p{L}_$]/u.test(text) && !neutral.test(text));
    const place = each.find((text) => /^["'`]/.test(text));
    const isKnownPlace = before.imports.some((unit) =>
      before.tokens
        .slice(unit.start, unit.end)
        .some(({ text }) => resolveFrom(before.path, text) === place),
    );
    return isKnownPlace || names.every((name) => !bodyWords.has(name));
  });
}

/** The change's file without tests that only it has: the old tests, following what moved. */
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

/** Whether the old tests could not even be loaded, because what they import is not there any more. */
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

const reaching =
  /^(exit|_exit|reallyExit|abort|TestMain|monkeypatch|setattr|defineProperty|prototype|execArgv|addHook|pytest_\w+|NODE_OPTIONS|ENV|environ|argv|globalThis|global|sys|process|builtins|INIT|BEGIN|END)$/;

/** Whether an added test file may do something to the tests of others. */
function reachesOut(file: TestFile): boolean {
  return (
    file.rest.some(({ says }) => reachesOutIn(says)) ||
    file.tests.some(({ body }) => reachesOutIn(body))
  );
}

export function reachesOutIn(says: readonly string[]): boolean {
  return says.some(
    (text, at) =>
      (reaching.test(text) &&
        !(text === "process" && says[at + 2] === "execPath") &&
        !(text === "process" && says[at + 2] === "cwd") &&
        !(text === "argv" || (text === "sys" && says[at + 2] === "executable"))) ||
      // assert.equal = …
      (text === "=" &&
        says[at - 2] === "." &&
        /^(assert|expect|test|it|console|Object|Array|JSON|Math|unittest|pytest)$/.test(
          says[at - 3] ?? "",
        )),
  );
}

function explain(
  before: TestFile,
  now: TestFile,
  {
    added,
    changed,
    removed,
    isWhole,
  }: {
    added: readonly Test[];
    changed: readonly [Test, Test][];
    removed: readonly Test[];
    isWhole: boolean;
  },
  context: EditContext,
): string | null {
  for (const [was, is] of changed) {
    const found = findWeaker(
      { text: before.text, tokens: before.tokens, from: was.unit.start, to: was.unit.end },
      { text: now.text, tokens: now.tokens, from: is.unit.start, to: is.unit.end },
      now.language,
    );
    if (found) return found;
  }
  if (removed.length > 0) {
    const gone = explainRemoved(
      removed,
      [...added, ...changed.map(([, is]) => is)],
      before,
      context,
    );
    if (gone) return gone;
  }
  if (!isWhole) return null;
  // Something around the tests: a hook that ends the run, a suite that is switched off.
  return changed.length > 0 || removed.length > 0
    ? null
    : findWeaker(
        { text: before.text, tokens: before.tokens, from: 0, to: before.tokens.length },
        { text: now.text, tokens: now.tokens, from: 0, to: now.tokens.length },
        now.language,
      );
}

/** Whether everything that a test gives and expects is in other tests of the file now. */
function isSaidBy(body: readonly string[], others: readonly Test[]): boolean {
  const said = new Set(others.flatMap((test) => test.body));
  const values = body.filter((text) => /^(["'`]|\d)/.test(text) || /^[\p{L}_$]+$/u.test(text));
  return others.length > 0 && values.every((text) => said.has(text) || neutral.test(text));
}

/** A test that is gone though what it tests is not. */
function explainRemoved(
  removed: readonly Test[],
  more: readonly Test[],
  before: TestFile,
  { moved }: EditContext,
): string | null {
  const fileGone = before.imports.some(({ start, end }) =>
    before.tokens
      .slice(start, end)
      .some(
        ({ text }) =>
          /^["'`]/.test(text) &&
          (text.match(/[\p{L}\p{N}_$-]+/gu) ?? []).some((part) => moved.goneStems.has(part)),
      ),
  );
  const alive = removed.filter(
    ({ body }) =>
      !body.some((text) => moved.goneNames.has(text)) && !fileGone && !isSaidBy(body, more),
  );
  const [first] = alive;
  if (!first) return null;
  const name = first.names.filter((each) => each !== "").join(" > ");
  return `the test \`${name.slice(0, 150)}\` is gone, and what it tests is not`;
}
