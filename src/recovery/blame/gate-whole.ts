import { invariant } from "../../core/base/invariant.ts";
import { describeCheck } from "../../core/proof/check-words.ts";
import {
  acceptanceCheck,
  type Check,
  type CheckResult,
  type Verdict,
} from "../../core/proof/verdict.ts";
import type { Claim, Outcome } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import type { Db } from "../../store/database/schema.ts";
import { listSubtasks } from "../../store/tasks/tasks.ts";
import { type BlameDeps, blame } from "./blame.ts";

/**
 * The final gate: before a task is delivered, the checks of each of its parts are green on the tree
 * of the whole. A merge is checked with the repository's checks and those of its own part, so that
 * twenty parts do not run twenty times twenty checks; what a later part broke of an earlier one's is
 * found here, once, and blamed on the merge that did it.
 */
export type GateDeps = BlameDeps & { db: Db };

/** `verdict` is null where every check has been green on this tree already. */
export type Gated = { outcome: Outcome } | { outcome: null; verdict: Verdict | null };

/** Rejects where the checks cannot tell, as for a machine without memory: the stage runs again. */
export async function gateWhole(
  deps: GateDeps,
  claim: Claim,
  task: Task,
  signal: AbortSignal,
): Promise<Gated> {
  const commit = task.headCommit;
  invariant(commit, "a task that is delivered has a head");
  const subtasks = await listSubtasks(deps.db, task.id);
  const checks = task.expectsChange ? listMissingChecks(task, subtasks) : [];
  if (checks.length === 0) return { outcome: null, verdict: null };
  const verdict = await deps.judgeTree(claim, task, { commit, checks, name: "whole" }, signal);
  if (verdict.result === "pass") return { outcome: null, verdict };
  const [red, ...others] = verdict.checks.filter(({ result }) => result === "fail");
  if (!red) throw new Error(`the whole could not be checked: ${verdict.summary}`);
  const { update } = task.preparation ?? {};
  if (update?.head === commit)
    return { outcome: askForUpdate(task, subtasks, { ...update, reds: [red, ...others] }) };
  const taken = await blame(deps, claim, { task, subtasks, red, others }, signal);
  if (taken) return { outcome: taken };
  const detail = `each part passed its own checks, but the whole does not: ${verdict.summary}.`;
  return { outcome: { kind: "refused", detail } };
}

/** What is red only since the base was merged is for the part whose own check it is, else for the last. */
function askForUpdate(
  { preparation }: Task,
  subtasks: readonly Subtask[],
  { base, reds }: { base: string; reds: readonly CheckResult[] },
): Outcome {
  const done = subtasks.filter(({ state }) => state === "completed");
  const owner = done.find(({ checks }) =>
    checks.some(({ command }) => reds.some(({ check }) => check.command === command)),
  );
  const subtask = owner ?? done.at(-1);
  invariant(subtask && preparation, "a task that is delivered has a part that is done");
  const { baseRef: place } = preparation;
  const text = `${place} has moved to ${base.slice(0, 10)} since the work was done, and was merged into it. With both, the checks do not pass: bring the work in line with what ${place} brought.\n\n${reds.map(describeCheck).join("\n\n")}`;
  return { kind: "outdated", subtaskId: subtask.id, place, text };
}

/**
 * After a red gate of one more merge: the merge is at fault, unless the same tests of the repository
 * are red on the task branch without it. Then an earlier merge is, which passed its gate by luck.
 */
export async function blameBranch(
  deps: GateDeps,
  claim: Claim,
  task: Task,
  verdict: Verdict,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const { headCommit: commit } = task;
  const reds = listReds(verdict).filter(({ newlyFailing }) => newlyFailing.length > 0);
  if (reds.length === 0 || commit === null || commit === task.preparation?.baseCommit) return null;
  const red = await findSame(deps, claim, task, { commit, reds, name: "before" }, signal);
  if (!red) return null;
  const subtasks = await listSubtasks(deps.db, task.id);
  return blame(deps, claim, { task, subtasks, red, others: [] }, signal);
}

/** The red checks of the repository, which were green on the task's base. */
export function listReds({ checks }: Verdict): CheckResult[] {
  return checks.filter(({ check, result }) => result === "fail" && check.kind === "regression");
}

/** The first of these that is red in the same way on another commit. */
export async function findSame(
  { judgeTree }: Pick<BlameDeps, "judgeTree">,
  claim: Claim,
  task: Task,
  { commit, name, reds }: { commit: string; reds: readonly CheckResult[]; name: string },
  signal: AbortSignal,
): Promise<CheckResult | null> {
  const checks = reds.map(({ check }) => check);
  const { checks: there } = await judgeTree(claim, task, { commit, checks, name }, signal);
  const isSame = (one: CheckResult) =>
    one.result === "fail" &&
    reds.some(
      ({ check, newlyFailing }) =>
        check.command === one.check.command &&
        (newlyFailing.length === 0 || newlyFailing.some((test) => one.newlyFailing.includes(test))),
    );
  return there.find(isSame) ?? null;
}

/** The checks that have not been green on the head of the task branch. */
export function listMissingChecks(
  { headCommit, preparation }: Pick<Task, "headCommit" | "preparation">,
  subtasks: readonly Pick<Subtask, "checks" | "integratedCommit" | "state">[],
): Check[] {
  invariant(preparation, "a task that is delivered was prepared");
  const done = subtasks.filter(({ state }) => state === "completed");
  const last = done.find(({ integratedCommit }) => integratedCommit === headCommit);
  // Where a part was taken back since, no merge had this tree.
  const again = last ? [] : preparation.checks;
  const passed = new Set(
    [...preparation.checks, ...(last?.checks ?? [])].map(({ command }) => command),
  );
  const own = new Set(done.flatMap(({ checks }) => checks).map(({ command }) => command));
  const missing = [...own].filter((command) => !passed.has(command));
  return [...again, ...missing.map((command) => acceptanceCheck(command, "plan"))];
}
