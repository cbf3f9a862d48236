import { expect, test } from "vitest";
import { cutPatch, findKey, findKeys } from "../../web/src/views/task/diff/cut-patch.ts";
import { filterFiles, groupsOf, whyClosed } from "../../web/src/views/task/diff/file-rules.ts";
import type { ChangedFile } from "../../web/src/views/task/diff/wire.ts";

/** A patch in the page: in pieces, with its lines to be found by side and number. */

const patchOf = (hunks: string) => `diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n${hunks}`;
const file = (path: string, rest: Partial<ChangedFile> = {}): ChangedFile => ({
  ...{ path, old_path: null, status: "modified", added: 1, removed: 1 },
  ...{ binary: false, generated: false, too_large: false },
  ...rest,
});

test("lines are found on either side", () => {
  const pieces = cutPatch(patchOf("@@ -1,3 +1,3 @@ fn()\n one\n-two\n+zwei\n three\n"));
  expect(pieces).toHaveLength(1);
  expect(pieces[0]?.header).toBe("@@ -1,3 +1,3 @@ fn()");
  expect(findKey(pieces, "old", 2)).toBe("D2");
  expect(findKey(pieces, "new", 2)).toBe("I2");
  expect(findKey(pieces, "new", 3)).toBe("N3");
  expect(findKey(pieces, "new", 40)).toBeNull();
  expect(pieces.flatMap((piece) => findKeys(piece, "new", 2, 3))).toEqual(["I2", "N3"]);
});

test("ten thousand lines are cut into pieces that lose none", () => {
  const lines = Array.from({ length: 10_000 }, (_, line) => `+line ${line}`).join("\n");
  const pieces = cutPatch(patchOf(`@@ -0,0 +1,10000 @@\n${lines}\n`));
  expect(Math.max(...pieces.map(({ hunk }) => hunk.changes.length))).toBeLessThanOrEqual(300);
  expect(pieces.flatMap(({ hunk }) => hunk.changes)).toHaveLength(10_000);
  expect(pieces.filter(({ header }) => header !== null)).toHaveLength(1);
});

test("what replaces what stays in one piece", () => {
  const block = Array.from({ length: 60 }, (_, n) => `-old ${n}\n+new ${n}`).join("\n");
  const pieces = cutPatch(patchOf(`@@ -1,62 +1,62 @@\n a\n${block}\n z\n`), 100);
  expect(pieces.map(({ hunk }) => hunk.changes.length)).toEqual([121, 1]);
});

test("characters that nobody sees are shown, line ends of Windows are not", () => {
  const [hidden] = cutPatch(patchOf("@@ -1 +1 @@\n-a\n+a\u202e\u200bb\n"));
  expect(hidden?.hunk.changes[1]?.content).toBe("a‹U+202E›‹U+200B›b");
  const [windows] = cutPatch(patchOf("@@ -1 +1 @@\n-a\r\n+b\r\n"));
  expect(windows?.hunk.changes.map(({ content }) => content)).toEqual(["a", "b"]);
  const [mixed] = cutPatch(patchOf("@@ -1 +1 @@\n-a\r\n+a\n"));
  expect(mixed?.hunk.changes[0]?.content).toBe("a‹U+000D›");
});

test.each<[ChangedFile, string | null]>([
  [file("src/app.ts"), null],
  [file("src/app.ts", { added: 300, removed: 101 }), "401 changed lines"],
  [file("package-lock.json", { generated: true }), "generated"],
  [file("a.png", { binary: true, added: null, removed: null }), "binary"],
  [file("a.sql", { too_large: true }), "too large to show"],
])("which files start closed: %#", (given, why) => {
  expect(whyClosed(given)).toBe(why);
});

test("the filter wants each of its words in the path", () => {
  const files = [file("src/Api/user.ts"), file("src/api/order.ts"), file("test/user.ts")];
  expect(filterFiles(files, "api USER").map(({ path }) => path)).toEqual(["src/Api/user.ts"]);
  expect(filterFiles(files, " ")).toHaveLength(3);
  expect(groupsOf([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
});
