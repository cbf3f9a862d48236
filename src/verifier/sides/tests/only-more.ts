import type { Test, TestFile } from "./read-test-file.ts";

/** Detects a test that only demands more: added rows in its table, or added assertions. Pure. */
const assertionWord =
  /^(assert\w*|expect|is|ok|like|is_deeply|cmp_ok|(EXPECT|ASSERT|CHECK|REQUIRE)\w*|Assert\w*|self|t|must\w*|refute\w*|XCTAssert\w*)$/;

/** Whether a test only gained rows of its table or assertions. */
export function isOnlyMore(was: Test, is: Test, now: TestFile): boolean {
  const [before, after] = [was.body, is.body];
  const count = after.length - before.length;
  if (count <= 0) return false;
  let prefix = 0;
  while (prefix < before.length && before[prefix] === after[prefix]) prefix++;
  let suffix = 0;
  while (suffix < before.length - prefix && before.at(-1 - suffix) === after.at(-1 - suffix))
    suffix++;
  if (prefix + suffix < before.length) return false;
  // The inserted text may repeat what precedes it, so that earlier starts are possible, too.
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
    // Every statement of it must assert.
    const next = put[at + 1];
    const ends = depth === 0 && (text === ";" || /^\n\d+$/.test(text));
    if (ends && next !== undefined && !assertionWord.test(next) && !/^(\n\d+|;)$/.test(next))
      return false;
  }
  return depth === 0;
}
