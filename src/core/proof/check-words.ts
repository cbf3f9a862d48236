import type { CheckResult, CheckRun } from "./verdict.ts";

const maxNamedTests = 50;

/** Describes a check that did not pass to the agent whose change it is. */
export function describeCheck({ check, run, reason, newlyFailing }: CheckResult): string {
  const failing = newlyFailing.length > 0 ? newlyFailing : failedTests(run);
  const more = failing.length - maxNamedTests;
  const names = failing.slice(0, maxNamedTests).map((name) => `- ${name}`);
  const tests =
    names.length > 0
      ? `\nFailing tests:\n${names.join("\n")}${more > 0 ? `\n- and ${more} more` : ""}`
      : "";
  const why = reason.includes(run.detail) ? reason : `${reason}; ${run.detail}`;
  return `The check \`${check.command}\` did not pass (${why}).${tests}\n${describeOutput(run)}`;
}

function failedTests({ tests }: CheckRun): string[] {
  return Object.entries(tests?.tests ?? {}).flatMap(([name, is]) =>
    is === "failed" ? [name] : [],
  );
}

function describeOutput({ failures, outputTail }: CheckRun): string {
  if (failures !== undefined) return `Its output, without what passed:\n\n${failures}`;
  return outputTail === "" ? "It printed nothing." : `Its output ended with:\n\n${outputTail}`;
}
