import type { Subtask, Task } from "../task/task.ts";
import { oneLine, openJudges, summarizeJudges } from "./judge-words.ts";
import type { Acceptance, Cause, CheckResult, JudgeChange, Verdict } from "./verdict.ts";

/**
 * The only place that says "verified": of a whole task, a verdict, or a merged part. Pure. Three
 * headlines: verified; verified, but its judges changed; not verified. The word never stands alone
 * over checks that were red before and still are.
 */
export type Proof = {
  verified: boolean;
  /** "Verified", "Verified, but …: look at …", or "Not verified". */
  headline: string;
  /** One clause: what was shown, or what is missing. */
  detail: string;
};

const maxNamed = 5;
const maxHeadline = 600;

type Judged = Pick<Subtask, "key" | "state" | "verdict" | "gateVerdict">;

export function describeProof(
  task: Pick<Task, "expectsChange">,
  subtasks: readonly Judged[],
): Proof {
  const missing = findMissing(task, subtasks);
  if (missing !== null) return { verified: false, headline: "Not verified", detail: missing };
  const finals = subtasks.flatMap((subtask) => finalOf(subtask) ?? []);
  const buts = [describeChanged(finals.flatMap(judgesOf)), describeRed(finals)].filter(
    (but) => but !== "",
  );
  const headline = ["Verified", ...(buts.length > 0 ? [`but ${buts.join("; and ")}`] : [])].join(
    ", ",
  );
  return {
    verified: true,
    headline: oneLine(headline, maxHeadline),
    detail: describeShown(subtasks, finals),
  };
}

/** The verdict on the merged work, else on the attempt. */
export function finalOf({ gateVerdict, verdict }: Pick<Subtask, "verdict" | "gateVerdict">) {
  return gateVerdict ?? verdict;
}

/** A pass without a check proves nothing, and one unproven part leaves the whole unproven. */
function findMissing(
  { expectsChange }: Pick<Task, "expectsChange">,
  subtasks: readonly Judged[],
): string | null {
  if (!expectsChange) return "a review: nothing was changed, nothing was checked";
  // A superseded subtask did nothing itself: its parts are judged.
  const parts = subtasks.filter(({ state }) => state !== "superseded");
  const wasChecked = subtasks.some(
    ({ gateVerdict, verdict }) => (verdict?.checks.length ?? 0) + (gateVerdict?.checks.length ?? 0),
  );
  const failing = parts.flatMap((part) => {
    const verdict = finalOf(part);
    return verdict && verdict.result !== "pass" ? [{ key: part.key, verdict }] : [];
  });
  for (const { key, verdict } of failing) {
    const open = openJudges(verdict);
    const why =
      open.length > 0 && !hasFailed(verdict)
        ? `nobody has accepted that ${summarizeJudges(open)}`
        : verdict.summary;
    const where = parts.length > 1 ? `of "${key}": ` : "";
    if (why !== "") return oneLine(`${where}${why}`, maxHeadline);
  }
  if (!wasChecked) return "no check was run";
  if (parts.length > 0 && parts.every(({ verdict }) => verdict?.unchanged))
    return parts.map(({ verdict }) => verdict?.summary).join("; ");
  const unproven = parts.filter((part) => !isProven(finalOf(part)));
  const allDone = parts.length > 0 && parts.every(({ state }) => state === "completed");
  if (!allDone || failing.length > 0) return "see the checks and attempts below";
  return unproven.length > 0 ? describeUnproven(unproven) : null;
}

function hasFailed({ checks, findings }: Verdict): boolean {
  return (
    checks.some(({ result }) => result !== "pass") || findings.some(({ blocking }) => blocking)
  );
}

/** Whether any of its checks proves something. */
export function isProven(verdict: Verdict | null): boolean {
  return verdict?.checks.some(provesSomething) === true;
}

/**
 * Red before and after, with no test that passes on both sides, looks the same whatever was
 * changed.
 */
function provesSomething({ baseline, rerun, run }: CheckResult): boolean {
  if ((rerun ?? run).status === "green") return true;
  const before = baseline?.tests?.tests;
  const now = run.tests?.tests;
  return before !== undefined && Object.values(now ?? {}).includes("passed");
}

function describeUnproven(parts: readonly Judged[]): string {
  const names = parts.map(({ key }) => `"${key}"`).join(", ");
  const wasRun = parts.some((part) => finalOf(part)?.checks.length);
  return wasRun
    ? `no check of ${names} proves anything: it fails with and without the change, and names no test that passes`
    : `no check was run on ${names}`;
}

function describeShown(parts: readonly Judged[], finals: readonly Verdict[]): string {
  const red = redChecks(finals);
  const where = describeWhere(parts);
  if (red.length === 0) return `every check passed ${where}`;
  return `nothing fails that did not fail before, ${where}; ${describeRedness(red)}`;
}

/** A part that the task branch was moved to, without a merge commit, has no verdict after the merge. */
function describeWhere(parts: readonly Judged[]): string {
  const isMerged = parts.some(({ gateVerdict }) => gateVerdict !== null);
  if (parts.length > 1)
    return isMerged ? "on each part's commit and again after each merge" : "on each part's commit";
  return isMerged
    ? "on the attempt's commit and again after the merge"
    : "on the commit that is delivered";
}

function describeRed(finals: readonly Verdict[]): string {
  const isAllRed = finals.some(({ checks }) => checks.every(isRed) && checks.length > 0);
  return isAllRed ? describeRedness(redChecks(finals)) : "";
}

function describeRedness(red: readonly string[]): string {
  return `${red.join(", ")} ${red.length === 1 ? "is" : "are"} red with and without the change`;
}

function redChecks(finals: readonly Verdict[]): string[] {
  const red = finals.flatMap(({ checks }) => checks.filter(isRed));
  return [...new Set(red.map(({ check }) => `\`${check.command}\``))];
}

function isRed({ rerun, run }: CheckResult): boolean {
  return (rerun ?? run).status === "red";
}

/** The changed judges that were accepted. */
function judgesOf({ judges }: Verdict): JudgeChange[] {
  return (judges ?? []).filter(({ accepted }) => accepted !== null);
}

function describeChanged(judges: readonly JudgeChange[]): string {
  if (judges.length === 0) return "";
  const byPath = new Map(judges.map((judge) => [judge.path, judge]));
  const named = [...byPath.values()].slice(0, maxNamed).map(describeLook);
  const left = byPath.size - named.length;
  return `its judges changed: look at ${named.join(", ")}${left > 0 ? ` and ${left} more` : ""}`;
}

function describeLook({ accepted, path, why }: JudgeChange): string {
  const who = accepted ? `; accepted by ${describeAcceptor(accepted)}` : "";
  return `${oneLine(path, 150)} (${oneLine(why, 80)}${who})`;
}

export function describeAcceptor({ by }: Acceptance): string {
  const names = {
    flag: "a flag",
    goal: "the goal",
    plan: "the plan",
    reviewer: "a reviewer",
    person: "a person",
  } as const satisfies Record<Acceptance["by"], string>;
  return names[by];
}

/** A verdict in one sentence, for the event. */
export function sayVerdict(verdict: Verdict, expectsChange: boolean): string {
  const { checks, judges = [], result, summary } = verdict;
  if (!expectsChange || (result === "pass" && checks.length === 0))
    return `Not verified: ${summary}`;
  if (result === "pass" && verdict.unchanged) return `Nothing to do: ${summary}`;
  if (result !== "pass") return `Not verified: ${result}. ${summary}`;
  const changed = judges.length > 0 ? ", though its judges changed" : "";
  if (!checks.every(isRed)) return `Verified${changed}: pass. ${summary}`;
  return isProven(verdict)
    ? `Verified${changed}, as red as before: pass. ${summary}`
    : `Not verified: ${summary}`;
}

/** "`npm test` turned green because of src/total.js". */
export function describeCause({ bySource, check, paths, smallest }: Cause): string {
  const files = paths.slice(0, maxNamed).map((path) => oneLine(path, 150));
  const left = paths.length - files.length;
  const all = `${files.join(", ")}${left > 0 ? ` and ${left} more` : ""}`;
  const among = smallest || paths.length === 1 ? "" : ", or some of them";
  return `\`${check}\` turned green because of ${all}${among}${bySource ? "" : ", without any source"}`;
}
