import { expect, test } from "vitest";
import { readThreadReplies } from "../../src/core/forge/review-thread.ts";

test("replies are read from a summary, the first one for each thread", () => {
  const summary =
    "I did it.\n\n- REPLY T1 FIX: renamed\nand tested\n> reply t2 Contest - it is right\n\nMore words.\nREPLY T1 QUESTION: again\nREPLY T3: nothing\nREPLY X4 FIX: no";
  expect([...readThreadReplies(summary).values()]).toEqual([
    { label: "T1", kind: "fix", words: "renamed\nand tested" },
    { label: "T2", kind: "contest", words: "it is right" },
  ]);
  expect(readThreadReplies(null).size).toBe(0);
  expect(readThreadReplies(`REPLY T1 FIX: ${"x".repeat(9_000)}`).get("T1")?.words).toHaveLength(
    2_000,
  );
});
