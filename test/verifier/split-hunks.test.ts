import fc from "fast-check";
import { expect, test } from "vitest";
import { applyHunks, splitHunks } from "../../src/verifier/experiments/split-hunks.ts";

test("each place that differs is a hunk, with the line where it is now", () => {
  const base = "a\nb\nc\nd\ne\n";
  const hunks = splitHunks(base, "a\nB\nc\nd\ne\nf\n");
  expect(hunks).toEqual([
    { at: 1, removed: 1, added: ["B\n"], line: 2 },
    { at: 5, removed: 0, added: ["f\n"], line: 6 },
  ]);
  expect(applyHunks(base, hunks.slice(1))).toBe("a\nb\nc\nd\ne\nf\n");
  expect(applyHunks(base, hunks.slice(0, 1))).toBe("a\nB\nc\nd\ne\n");
});

test("line ends, empty texts and a last line without an end are kept", () => {
  for (const [base, change] of [
    ["", "a"],
    ["a", ""],
    ["a\r\nb\r\n", "a\nb"],
    ["a\n", "a"],
    ["\n\n", "\n"],
  ] as const) {
    expect(applyHunks(base, splitHunks(base, change))).toBe(change);
    expect(applyHunks(base, [])).toBe(base);
  }
});

test("all hunks give the change, none the base, and any subset a text of their lines", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", "d", ""), { maxLength: 30 });
  fc.assert(
    fc.property(text, text, fc.infiniteStream(fc.boolean()), (before, after, coins) => {
      const [base, change] = [before.join("\n"), after.join("\n")];
      const hunks = splitHunks(base, change);
      expect(applyHunks(base, hunks)).toBe(change);
      const some = hunks.filter(() => coins.next().value);
      const others = hunks.filter((hunk) => !some.includes(hunk));
      const count = (each: string) => each.split("\n").length;
      expect(count(applyHunks(base, some)) + count(applyHunks(base, others))).toBeLessThanOrEqual(
        count(base) + count(change) + 2,
      );
    }),
    { numRuns: 500 },
  );
});

test("two large texts with nothing in common are one hunk, soon", () => {
  const [base, change] = ["x", "y"].map((letter) =>
    Array.from({ length: 20_000 }, (_, at) => `${letter}${at}`).join("\n"),
  );
  const startedAt = Date.now();
  expect(splitHunks(base ?? "", change ?? "")).toHaveLength(1);
  expect(Date.now() - startedAt).toBeLessThan(3_000);
});
