import type { CheckResult, Experiment, Finding } from "../../core/proof/verdict.ts";
import type { FileSource } from "../../worktree/commits/compose-commit.ts";
import { listSome } from "../change/list-some.ts";
import { readText } from "../change/tree.ts";
import { judgeRun } from "../checks/judge-check.ts";
import type { VerifyInput } from "../checks/verify-attempt.ts";
import type { Sides, Suspicion } from "../sides/sides.ts";
import { applyHunks, type Hunk, splitHunks } from "./split-hunks.ts";
import type { Trials } from "./trials.ts";

/**
 * Source that detects whether it is tested, or changes what tests it, may have an honest reason. So
 * the checks run without those lines. A check that still passes does not depend on them, and the
 * lines are a note. A check that fails depends on them, and somebody has to accept the file.
 */
export type SuspicionsTried = {
  findings: Finding[];
  experiments: Experiment[];
  /** Files that a check is green because of, with the suspicious lines. */
  paths: Map<string, string>;
};

export async function confirmSuspicions(
  { commit, mirror }: Pick<VerifyInput, "commit" | "mirror">,
  {
    changedFrom,
    results,
    suspicions,
    trials,
  }: {
    changedFrom: string;
    results: readonly CheckResult[];
    suspicions: Sides["suspicions"];
    trials: Trials;
  },
): Promise<SuspicionsTried> {
  const tried: SuspicionsTried = { findings: [], experiments: [], paths: new Map() };
  if (suspicions.length === 0) return tried;
  const files = new Map<string, FileSource>();
  for (const path of new Set(suspicions.map((each) => each.path))) {
    const [base, now] = await Promise.all([
      readText(mirror, changedFrom, path),
      readText(mirror, commit, path),
    ]);
    const lines = suspicions.filter((each) => each.path === path).map(({ line }) => line);
    if (now !== null) files.set(path, withoutLines(base, now, lines, changedFrom));
  }
  const checks = results.map(({ check }) => check);
  const { runs, setupFailed, tree } = await trials.runOn(commit, files, checks, "unsuspicious");
  const quoted = listSome(suspicions.map(quote), 5);
  const turned: string[] = [];
  for (const { baseline, check } of results) {
    const run = runs.get(check.name);
    const answer = run ? judgeRun(check.kind, run, baseline).result : "inconclusive";
    if (answer === "fail") turned.push(check.name);
    const outcome = run?.detail ?? setupFailed ?? "was not run";
    tried.experiments.push({
      ...{ kind: "narrowing", check: check.name, command: check.command, tree },
      result: answer === "fail" ? "refuted" : answer === "pass" ? "shown" : "open",
      says: `Without the lines that look for their judge (${quoted}) \`${check.name}\` ${answer === "pass" ? "passes, too" : `does not pass: ${outcome}`}.`,
      durationMs: run?.durationMs ?? 0,
    });
  }
  tried.findings.push({
    rule: "attacks_judge",
    // The file needs acceptance, which holds the verdict.
    blocking: false,
    message:
      turned.length > 0
        ? `source looks for its judge, and without it ${listSome(turned.map((name) => `\`${name}\``))} is not green: ${quoted}`
        : `source looks for its judge, and the checks pass without it, too: ${quoted}`,
    paths: [...files.keys()],
  });
  if (turned.length === 0) return tried;
  for (const path of files.keys()) {
    const own = suspicions.filter((each) => each.path === path);
    tried.paths.set(path, `it looks for its judge: ${listSome(own.map(quote), 3)}`);
  }
  return tried;
}

/** Returns the change's text without the hunks that hold these lines. */
function withoutLines(
  base: string | null,
  now: string,
  lines: readonly number[],
  changedFrom: string,
): FileSource {
  if (base === null) return { text: blank(now, lines) };
  const holds = ({ added, line }: Hunk) =>
    lines.some((each) => each >= line && each < line + Math.max(1, added.length));
  const hunks = splitHunks(base, now);
  const kept = hunks.filter((hunk) => !holds(hunk));
  return kept.length === 0 ? { like: changedFrom } : { text: applyHunks(base, kept) };
}

/** In a file that the base lacks only the lines go, because its one hunk is all the work. */
function blank(text: string, lines: readonly number[]): string {
  return text
    .split("\n")
    .map((line, index) => (lines.includes(index + 1) ? "" : line))
    .join("\n");
}

function quote({ line, path, text }: Suspicion): string {
  return `\`${text.trim().slice(0, 120)}\` (${path}:${line})`;
}
