import { expect, test } from "vitest";
import { readNotDone, writeNotDone } from "../../src/core/review/not-done.ts";
import {
  listChangedLines,
  numberDiff,
  withoutLineNumbers,
} from "../../src/core/review/number-diff.ts";

const head = "diff --git a/a.js b/a.js\nindex 1..2 100644\n--- a/a.js\n+++ b/a.js\n";

test("each line has its number in the new file, and looks like a head are lines", () => {
  const diff = `${head}@@ -1,4 +1,4 @@\n one\n--- two\n+++ two\n @@ -1 +1 @@\n-four\n\\ No newline at end of file\n+4\n`;
  expect(numberDiff(diff)).toBe(
    "diff --git a/a.js b/a.js\n--- a/a.js\n+++ b/a.js\n@@ -1,4 +1,4 @@\n1\t one\n\t--- two\n2\t+++ two\n3\t @@ -1 +1 @@\n\t-four\n\t\\ No newline at end of file\n4\t+4\n",
  );
});

test("a small file is shown whole, of a large one 15 lines around each change", () => {
  const rows = (count: number) => Array.from({ length: count }, (_, i) => ` line ${i + 1}\n`);
  const small = `${head}@@ -1,60 +1,61 @@\n${rows(60).join("")}+new\n`;
  expect(numberDiff(small)).toContain("\n1\t line 1\n");
  const large = `${head}@@ -1,400 +1,401 @@\n${[...rows(200), "+new\n", ...rows(200)].join("")}`;
  const shown = numberDiff(large);
  expect(shown).toContain("@@\n[… 185 unchanged lines left out …]\n186\t line 186\n");
  expect(shown).toContain("200\t line 200\n201\t+new\n202\t line 1\n");
  expect(shown).toMatch(/216\t line 15\n\[… 185 unchanged lines left out …\]\n$/);
});

test("binary content is left out, what follows it is not", () => {
  const diff = `diff --git a/p b/p\nGIT binary patch\nliteral 9\nzcmV-O\n\n${head}@@ -1 +1 @@\n-a\n+b\n`;
  expect(numberDiff(diff)).toMatch(/^diff --git a\/p b\/p\n\[a binary file\]\ndiff --git a\/a\.js/);
});

test("the places of a change, and a quote with its numbers", () => {
  const diff = `${head}@@ -1,2 +3,3 @@ f()\n@@ -9 +9 @@\ndiff --git a/b c b/b c\nBinary files differ\n`;
  expect(listChangedLines(diff)).toBe("- a.js: 3-5, 9\n- b c: as a whole");
  expect(withoutLineNumbers("12\t+  one();\n\t-two\n13\t three")).toBe("  one();\ntwo\nthree");
  expect(withoutLineNumbers("12\tvalue")).toBe("12\tvalue");
});

test("what is not done is found again in a summary", () => {
  expect(readNotDone(`Did it.${writeNotDone("The docs.\n\nAnd more.")}`)).toBe(
    "The docs.\n\nAnd more.",
  );
  expect([readNotDone("Did it."), readNotDone(null), writeNotDone("")]).toEqual([null, null, ""]);
});
