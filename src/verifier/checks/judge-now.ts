import { join } from "node:path";
import { describeCheck } from "../../core/proof/check-words.ts";
import { describeJudge, openJudges } from "../../core/proof/judge-words.ts";
import type { Check, Verdict } from "../../core/proof/verdict.ts";
import type { Claim } from "../../core/task/outcome.ts";
import type { Subtask, Task } from "../../core/task/task.ts";
import { cutMiddle } from "../../core/text/clean-text.ts";
import { acceptJudges } from "../experiments/accept-judges.ts";
import {
  checksOf,
  findBaseline,
  flakiness,
  leaveOut,
  placeOf,
  type VerifyDeps,
} from "./task-place.ts";
import { verifyCommit } from "./verify-attempt.ts";

/**
 * Judges a commit of unfinished work for its author, as the verify stage will: the same checks, in
 * clean worktrees and boxes, with the experiments of the level `quick`. It is no evidence: nothing of
 * it is reported or kept but the baseline, no reviewer and no person is asked, and the finished work
 * is verified all the same.
 */
export type Judged = { ok: boolean; text: string };

/** `wanted`: the command or the name of one check; null: all. Throws the signal's reason when aborted. */
export async function judgeNow(
  deps: VerifyDeps,
  about: { claim: Claim; task: Task; subtask: Subtask; commit: string },
  wanted: string | null,
  signal: AbortSignal,
): Promise<Judged> {
  const { claim, subtask, task } = about;
  const all = checksOf(task, subtask);
  const checks = all.filter((check) => wanted === null || isNamed(check, wanted));
  if (checks.length === 0) {
    const names = all.map(({ command }) => `\`${command}\``).join(", ");
    return { ok: false, text: `Error: that is no check of this work. Its checks: ${names}` };
  }
  const commit = await leaveOut(deps, task, subtask, about.commit);
  const { sandbox, ...place } = placeOf(deps, claim, task, signal);
  const run = {
    ...place,
    ...(sandbox && { sandbox: { ...sandbox, onDenials: () => {} } }),
    onProcess: deps.trackChild(`checks of ${subtask.id}`),
  };
  const logs = join(deps.paths.logs, task.id);
  const logRoot = join(logs, `${subtask.key}-${claim.attemptId}-now`);
  const baseCommit = subtask.baseCommit ?? run.baseCommit;
  const verdict = await inTurn(deps, signal, async () => {
    // Of all checks, as verification keeps it: it is run once.
    const baseline = await findBaseline(deps, task, {
      ...{ ...run, checks: all, logRoot: join(logs, "baseline") },
    });
    return verifyCommit({
      ...{ ...run, checks, commit, baseline, logRoot, submodulesRef: null, proof: "quick" },
      changedFrom: baseCommit,
      protectedPaths: task.preparation?.protectedPaths ?? [],
      products: subtask.writes,
      acceptJudges: (judges) => {
        const by = { db: deps.db, claim, task, subtask, commit };
        return acceptJudges(judges, { ...by, place: { ...run, baseCommit, logRoot } });
      },
      flakyTests: flakiness(deps, task).flakyTests,
      onCheck: () => {},
    });
  });
  return { ok: verdict.result === "pass", text: describeVerdict(verdict) };
}

/** As one of the commits that are checked at once. Does not wait for its turn once it is aborted. */
function inTurn<T>(
  { limitChecks }: Pick<VerifyDeps, "limitChecks">,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let hasBegun = false;
  const turn = limitChecks(() => {
    signal.throwIfAborted();
    hasBegun = true;
    return work();
  });
  const aborted = new Promise<never>((_, reject) => {
    const stop = () => hasBegun || reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  return Promise.race([turn, aborted]);
}

function isNamed({ command, name }: Check, wanted: string): boolean {
  return [command, name].some((one) => squeeze(one) === squeeze(wanted));
}

function squeeze(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

const maxText = 8_000;

/** What would hold the work up, for its author, in bounded length. */
function describeVerdict(verdict: Verdict): string {
  const bad = verdict.checks.filter(({ result }) => result !== "pass");
  const judges = openJudges(verdict);
  const text = [
    `${verdict.result}: ${verdict.summary}`,
    ...verdict.findings.map(
      ({ blocking, message }) => `- ${blocking ? "refused: " : ""}${message}`,
    ),
    judges.length > 0
      ? `A person or a reviewer has to accept what changed here, which judges the work:\n${judges.map((judge) => `- ${describeJudge(judge)}`).join("\n")}`
      : "",
    ...bad.map(describeCheck),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
  return cutMiddle(text, maxText);
}
