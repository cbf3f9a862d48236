import { invariant } from "../../core/base/invariant.ts";
import { describeCheck } from "../../core/proof/check-words.ts";
import type { Check, CheckResult, Verdict } from "../../core/proof/verdict.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import { buildsOn } from "../../core/task/plan.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import { undoStep } from "../../worktree/commits/undo-step.ts";
import { type Mirror, type Mirrors, pinRef } from "../../worktree/mirror/mirror.ts";
import { listChanges } from "../../worktree/read/diff.ts";
import { listSteps, treeOf } from "../../worktree/read/read-commit.ts";
import { findCulprit, type Probed } from "./find-culprit.ts";

/**
 * Finds the merge that turned a check red on the task branch, and makes a tip without it and without
 * what was built on it: what depends on it by the plan, and later merges whose files stand in the
 * way of taking it back. Nothing moves here: the outcome says what `advance` writes. Null where
 * nothing certain can be said, or that tip is not green either.
 */
export type BlameDeps = {
  mirrors: Mirrors;
  judgeTree: JudgeTree;
  /** So many commits are looked at at the same time. */
  probesAtOnce: number;
};

/** Judges a commit of a task by these checks alone. `name` goes into the paths of logs. */
export type JudgeTree = (
  claim: Claim,
  task: Task,
  run: { commit: string; checks: readonly Check[]; name: string },
  signal: AbortSignal,
) => Promise<Verdict>;

type Blamed = Extract<Outcome, { kind: "blamed" }>;

/** After two, a part that comes back red is no slip any more. */
const maxTakenBack = 2;

export async function blame(
  deps: BlameDeps,
  claim: Claim,
  {
    others,
    red,
    subtasks,
    task,
  }: {
    task: Task;
    subtasks: readonly Subtask[];
    red: CheckResult;
    /** What else is red: the next gate looks for its culprit. */
    others: readonly CheckResult[];
  },
  signal: AbortSignal,
): Promise<Blamed | null> {
  const { headCommit: head, preparation } = task;
  if (!preparation || head === null || task.takenBack >= maxTakenBack) return null;
  const mirror = deps.mirrors.at(preparation.mirror);
  const all = await listSteps(mirror, preparation.baseCommit, head);
  const positionOf = ({ integratedCommit }: Subtask) => all.indexOf(integratedCommit ?? "");
  const merged = subtasks
    .filter((subtask) => subtask.state === "completed" && positionOf(subtask) >= 0)
    .toSorted((a, b) => positionOf(a) - positionOf(b));
  // A part's own check was green when the part was merged, and is red before it.
  const owners = merged.filter(({ checks }) =>
    checks.some(({ command }) => command === red.check.command),
  );
  // What the merge with the base as it is now turned red is no part's fault.
  const updated = all.indexOf(preparation.update?.head ?? "");
  const steps = all.slice(Math.max(-1, updated - 1, ...owners.map(positionOf)) + 1);
  const probe = makeProbe(deps, claim, task, red, signal);
  const step = await findCulprit(steps, (commit) => probe(mirror, commit), deps.probesAtOnce);
  const culprit = merged.find(({ integratedCommit }) => integratedCommit === step);
  if (!culprit) return null;
  const taken = await takeBack(mirror, task.id, { all, culprit, head, merged });
  if (!taken) return null;
  const left = merged.filter((subtask) => !taken.out.includes(subtask));
  const isOther = ({ command }: Check) => others.some(({ check }) => check.command === command);
  const wanted = [...preparation.checks, ...left.flatMap((subtask) => subtask.checks)];
  const checks = new Map(
    wanted.filter((check) => !isOther(check)).map((check) => [check.command, check]),
  );
  const run = { commit: taken.tip, checks: [...checks.values()], name: "without" };
  if ((await deps.judgeTree(claim, task, run, signal)).result !== "pass") return null;
  // Pinned before the row names it: the old head is its ancestor.
  await pinRef(mirror, `tasks/${task.id}`, taken.tip);
  const words = `the whole is red since "${culprit.title}" was merged: ${red.reason}`;
  return {
    ...{ kind: "blamed", from: head, to: taken.tip, subtaskId: culprit.id },
    consumerIds: taken.out.filter((subtask) => subtask !== culprit).map(({ id }) => id),
    check: red.check.command,
    detail: words,
    evidence: `Your part was merged, and taken back: with it the whole does not pass.\n\n${describeCheck(red)}`,
  };
}

/** How the red check ends at a step; trees that were seen are not run again. */
function makeProbe(
  { judgeTree }: BlameDeps,
  claim: Claim,
  task: Task,
  red: CheckResult,
  signal: AbortSignal,
): (mirror: Mirror, commit: string) => Promise<Probed> {
  const seen = new Map<string, Promise<Probed>>();
  const run = async (commit: string): Promise<Probed> => {
    const checks = [red.check];
    const verdict = await judgeTree(claim, task, { commit, checks, name: "blame" }, signal);
    const [probed] = verdict.checks;
    if (verdict.result === "pass") return "green";
    if (probed?.result !== "fail") return "unknown";
    const isSame = (test: string) => probed.newlyFailing.includes(test);
    return red.newlyFailing.length === 0 || red.newlyFailing.some(isSame) ? "red" : "green";
  };
  return async (mirror, commit) => {
    const tree = await treeOf(mirror, commit);
    const answer = seen.get(tree) ?? run(commit);
    seen.set(tree, answer);
    return answer;
  };
}

/** The branch without a subtask and what was built on it; null: that cannot be taken apart. */
async function takeBack(
  mirror: Mirror,
  taskId: string,
  about: { all: readonly string[]; culprit: Subtask; head: string; merged: readonly Subtask[] },
): Promise<{ tip: string; out: Subtask[] } | null> {
  const { culprit, head, merged } = about;
  const out = merged.filter((subtask) => subtask === culprit || buildsOn(subtask, culprit, merged));
  for (;;) {
    const undone = await undoAll(mirror, taskId, head, out);
    if (typeof undone === "string") return { tip: undone, out };
    // What later merges changed of the same files was built on them.
    const later = merged.slice(merged.indexOf(undone.at) + 1).filter((one) => !out.includes(one));
    const touching = await Promise.all(
      later.map(async (one) => ((await touches(mirror, one, undone.files)) ? [one] : [])),
    );
    const more = touching
      .flat()
      .flatMap((one) => [one, ...merged.filter((other) => buildsOn(other, one, merged))]);
    if (more.length === 0) return null;
    out.push(...new Set(more.filter((one) => !out.includes(one))));
    out.sort((a, b) => merged.indexOf(a) - merged.indexOf(b));
  }
}

/** Takes the subtasks back, the last one first; the tip, or where it conflicts. */
async function undoAll(
  mirror: Mirror,
  taskId: string,
  head: string,
  out: readonly Subtask[],
): Promise<string | { at: Subtask; files: string[] }> {
  let tip = head;
  for (const subtask of out.toReversed()) {
    const { integratedCommit: step, key } = subtask;
    invariant(step, "what is taken back was merged");
    const message = `Take back ${makeInert(key)}\n\nDeputy-Task: ${taskId}`;
    const undone = await undoStep(mirror, { tip, step, message });
    if (undone.kind === "conflict") return { at: subtask, files: undone.files };
    tip = undone.commit;
  }
  return tip;
}

async function touches(
  mirror: Mirror,
  subtask: Subtask,
  files: readonly string[],
): Promise<boolean> {
  const { integratedCommit: step } = subtask;
  invariant(step, "what is taken back was merged");
  const changed = await listChanges(mirror, `${step}^1`, step);
  return changed.some(({ path }) => files.includes(path));
}
