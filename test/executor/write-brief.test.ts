import { expect, test } from "vitest";
import type { Voice } from "../../src/core/task/message.ts";
import type { Subtask, Task } from "../../src/core/task/task.ts";
import { writeBrief } from "../../src/executor/write-brief.ts";
import { plainTask } from "../support/orchestrator.ts";

/** The brief of an attempt that these comments have begun. */
function briefAfter(...voices: (Voice | undefined)[]): string {
  const task = { ...plainTask, preparation: null } as unknown as Task;
  const subtask = { brief: "", checks: [], answers: [], feedback: null, ending: null };
  return writeBrief({
    ...{ task, subtask: subtask as unknown as Subtask, subtaskCount: 1, attempt: 2 },
    ...{ diff: null, submodules: [], work: null, overview: "", budgetLeft: null },
    limits: { maxTurns: null, timeoutMs: 60_000, reach: [], isReviewed: false },
    said: voices.map((voice, n) => ({
      place: `acme/app#${n}`,
      text: "red",
      ...(voice && { voice }),
    })),
  });
}

test("what failed or moved is not taken for a person", () => {
  const red = briefAfter("checks");
  expect(red).toContain("Checks on the forge failed on the work. Change it so that");
  expect(red).toContain("Failed checks, on acme/app#0:\n\nred");
  expect(red).not.toContain("A person");
  expect(briefAfter("base")).toContain("The branch that the work is for has moved.");
  const both = briefAfter(undefined, "review");
  expect(both).toContain(
    "A person has looked at the work. The work was reviewed on the forge. Change it",
  );
  expect(both).toContain("On acme/app#0:\n\nred\n\nA review, on acme/app#1:\n\nred");
});
