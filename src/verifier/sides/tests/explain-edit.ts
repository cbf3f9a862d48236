import { neutral } from "../compare-imports.ts";
import type { EditContext } from "./alike.ts";
import type { Test, TestFile } from "./read-test-file.ts";
import { findWeaker } from "./weaker.ts";

/** Explains in one clause what an edit of tests provably weakened; null for nothing. Pure. */
export function explainEdit(
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
      ({ tokens }) => isSaidBy(tokens, [...helpersOf(is, now), ...added], new Set()),
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

/** Words of Python's unittest that a plain function does not need. */
const unittest = /^(self|assert[A-Z]\w*)$/;

type Said = Pick<Test, "body">;

/** The test and the asserting helpers of its file that it calls; empty when it calls none. */
function helpersOf({ body }: Test, { rest }: TestFile): Said[] {
  const helpers = rest.filter(
    ({ name, says }) =>
      name !== "" &&
      body.some((text, at) => text === name && body[at + 1] === "(") &&
      says.some((text) => /^(assert|expect)/.test(text)),
  );
  return helpers.length === 0 ? [] : [{ body }, ...helpers.map(({ says }) => ({ body: says }))];
}

/** Whether other tests of the file now hold all of the test's values, except for its helpers. */
function isSaidBy(
  body: readonly string[],
  others: readonly Said[],
  helpers: ReadonlySet<string>,
): boolean {
  const said = new Set(others.flatMap((test) => test.body));
  const isMessage = (at: number) =>
    body[at - 1] === "(" && /^(Error|Fatal|Log|Skip)f?$/.test(body[at - 2] ?? "");
  const values = body.filter(
    (text, at) => (/^(["'`]|\d)/.test(text) && !isMessage(at)) || /^[\p{L}_$]+$/u.test(text),
  );
  return (
    others.length > 0 &&
    values.every(
      (text) => said.has(text) || neutral.test(text) || unittest.test(text) || helpers.has(text),
    )
  );
}

/** Explains a test that is gone although its subject is not. */
export function explainRemoved(
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
  const helpers = new Set(before.rest.map(({ name }) => name));
  const alive = removed.filter(
    ({ body }) =>
      !body.some((text) => moved.goneNames.has(text)) &&
      !fileGone &&
      !isSaidBy(body, more, helpers),
  );
  const [first] = alive;
  if (!first) return null;
  const name = first.names.filter((each) => each !== "").join(" > ");
  return `the test \`${name.slice(0, 150)}\` is gone, and what it tests is not`;
}
