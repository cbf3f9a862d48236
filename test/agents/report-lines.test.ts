import { expect, test } from "vitest";
import { reportLines } from "../../src/agents/words/report-lines.ts";
import { cleanText, cutMiddle, cutText, cutToTail } from "../../src/core/text/clean-text.ts";

test("whole lines, at most one per interval, the newest wins", () => {
  const seen: string[] = [];
  let now = 0;
  const lines = reportLines((line) => seen.push(line), { everyMs: 100, now: () => now });
  lines.add("fir", "stdout");
  lines.add("on stderr\n", "stderr");
  lines.add("st\nsecond\n", "stdout");
  expect(seen).toEqual(["on stderr"]);
  now = 100;
  lines.add("third\n\n  \n", "stdout");
  lines.add("fourth\n", "stdout");
  expect(seen).toEqual(["on stderr", "third"]);
  lines.flush();
  lines.flush();
  expect(seen).toEqual(["on stderr", "third", "fourth"]);
});

test("a limited number of lines, each of limited length, however long a line is", () => {
  const seen: string[] = [];
  const lines = reportLines((line) => seen.push(line), { everyMs: 0, maxLines: 3 });
  for (let i = 0; i < 100; i++) lines.add("x".repeat(100_000), "stdout");
  lines.add("\n", "stdout");
  for (let i = 0; i < 10; i++) lines.add(`${i}\n`, "stdout");
  lines.flush();
  expect(seen.map((line) => line.length)).toEqual([300, 1, 1]);
});

test("text is made fit to be stored", () => {
  expect(cleanText("a\0b\ud800c\u001b[1;31mred\u001b[0m😀")).toBe("a\uFFFDb\uFFFDcred😀");
  expect(cutText("abcdef", 4)).toBe("abc…");
  expect(cutText("ab😀", 4)).toBe("ab😀");
  expect(cutText("ab😀cd", 4)).toBe("ab…");
  expect(cutToTail("ab😀cd", 4)).toBe("…cd");
  expect(cutMiddle("abcdefghij", 2)).toBe("ab\n[… 6 characters left out …]\nij");
});
