import type { SidedFile } from "../sides.ts";
import { type EditContext, isAlike } from "./alike.ts";
import type { Test, TestFile } from "./read-test-file.ts";

/**
 * Matches the tests of an edited file with the base's: by name and body, by name, then by body
 * under another name or in another file. The rest are removed or added. Pure.
 */
export type Matched = {
  /** Found with the same body, here or elsewhere, under any name. */
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

export function matchTests(
  before: readonly Test[],
  now: readonly Test[],
  context: EditContext,
): Matched {
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
  // Some of the new tests here came from another file.
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

export function findRenamed(
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
