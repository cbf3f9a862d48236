import { expect, test } from "vitest";
import type { Subtask } from "../../src/core/task/task.ts";
import { classify } from "../../src/recovery/classify.ts";

/** When two failures are the same: numbers, times and folders differ from run to run. */
function signatureOf(outputTail: string): string {
  const run = { outputTail, detail: "exit 1", exitCode: 1, signal: null };
  const check = {
    check: { command: "npm test" },
    result: "fail",
    reason: "exit 1",
    run,
    newlyFailing: [],
  };
  const verdict = { result: "fail", summary: "red", findings: [], checks: [check], review: null };
  const ending = { what: "verdict", stage: "verify" };
  return classify({ ending, verdict, withoutPaths: [] } as unknown as Subtask, null).signature;
}

const long = Array.from(
  { length: 18 },
  (_, at) => `  at line ${at} of ${"the same trace ".repeat(4)}`,
);
const failed = (port: number, folder: string) =>
  [`worker ${port} ended`, ...long, `ECONNREFUSED 127.0.0.1:${port} in /tmp/${folder}/a.js`].join(
    "\n",
  );

test("numbers and folders of another length make no other failure, however long the output", () => {
  expect(signatureOf(failed(9999, "x-1"))).toBe(signatureOf(failed(10000, "longer/x-12")));
  expect(signatureOf(failed(9999, "x"))).not.toBe(signatureOf(`${failed(9999, "x")}\nTypeError`));
});
