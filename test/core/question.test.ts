import { expect, test } from "vitest";
import { isApproval } from "../../src/core/task/question.ts";

test("a plain yes approves, in the words that people type; a yes with a condition does not", () => {
  for (const yes of ["yes", "y", "Approved.", "yes do it", "Yes, please go ahead!"])
    expect(isApproval(yes), yes).toBe(true);
  for (const no of ["no", "yes, but only the first", "yes and no", "do it not", "yesterday"])
    expect(isApproval(no), no).toBe(false);
});
