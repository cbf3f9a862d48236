import { endWith, type RoleEnd } from "../agents/agent.ts";
import { findKill } from "../agents/words/killed.ts";
import { invariant } from "../core/base/invariant.ts";
import type { Refused } from "../core/proof/confinement.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import type { FailureKind } from "../core/task/failure.ts";
import { describeAge } from "../core/text/age.ts";
import { cleanText, cutToTail } from "../core/text/clean-text.ts";
import { describeFailure } from "../core/text/telling-line.ts";
import { waitOut } from "../store/database/outage.ts";
import { markPrepared, type WorktreeRow } from "../store/tasks/worktrees.ts";
import { includeFiles } from "../worktree/checkout/include-files.ts";
import { renewWorktree } from "../worktree/checkout/worktree.ts";
import { homeOfWorktree, removeHome } from "../worktree/checkout/worktree-home.ts";
import { keepWorktree } from "../worktree/commits/keep-worktree.ts";
import { keepSubmodules, submoduleSetupRef } from "../worktree/content/keep-submodules.ts";
import { deleteRefs } from "../worktree/mirror/mirror.ts";
import { listChanges } from "../worktree/read/diff.ts";
import type { ExecuteDeps, Job } from "./job.ts";

/**
 * What an agent finds beside the tracked files of its worktree: the ignored files that are copied, and
 * what the repository's setup makes. A copy of what an earlier setup made stands in for it where its
 * inputs are the same; else the commands run, over that copy or in a fresh checkout. What setup leaves
 * without git ignoring it is recorded, because it is not the agent's work.
 */
const setupTimeoutMs = 30 * 60_000;
/** At most this many of the copied files are named in an event; there may be tens of thousands. */
const maxNamed = 50;

/** What the setup commands were refused, and how the attempt ended if setup failed. */
export type SetUp = { end: RoleEnd | null; refused: readonly Refused[] };
const nothingRun: SetUp = { end: null, refused: [] };

/** Copies files and runs setup commands, once per worktree and base. */
export async function runSetup(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
  env: Record<string, string>,
): Promise<SetUp> {
  const { attempt, mirror, task } = job;
  // A reviewed commit is untrusted: nothing that it names is run or copied.
  if (!task.expectsChange || worktree.preparedFor === attempt.baseCommit) return nothingRun;
  invariant(task.preparation, "a running task is prepared");
  // Setup starts in an empty home: an earlier agent may have left anything in it.
  if (attempt.sessionId === null || task.preparation.setup.length > 0)
    await removeHome(mirror, worktree.path);
  const copied = await includeFiles(
    mirror,
    task.repository,
    worktree.path,
    task.preparation.baseCommit,
  );
  if (copied.copied.length + copied.skipped.length > 0) {
    job.progress.tell(`Copied ${copied.copied.length} ignored files (.worktreeinclude)`, {
      step: "include",
      copied: copied.copied.slice(0, maxNamed),
      skipped: copied.skipped.slice(0, maxNamed),
    });
  }
  const { failed, given } = await reuseSetup(deps, job, worktree.path, copied.copied);
  if (failed) {
    const { detail, output } = failed;
    return { end: endedBefore("crashed", "setup_failed", detail, output), refused: [] };
  }
  const refused = (given?.refused ?? []).map((denial) => ({ ...denial, by: "setup" as const }));
  const run = () => runSetupCommands(deps, job, worktree.path, env);
  let ran = given?.isWhole ? nothingRun : await run();
  if (given && ran.end?.failure === "setup_failed") {
    // Some setups work in a fresh checkout alone, not over what an earlier one made.
    job.progress.tell("Setup does not work over the copy: it runs again in a fresh checkout", {
      step: "setup_again",
    });
    const sparse = sparseOf(task.preparation);
    await renewWorktree(mirror, worktree.path, attempt.baseCommit, "filled", sparse);
    await removeHome(mirror, worktree.path);
    await includeFiles(mirror, task.repository, worktree.path, task.preparation.baseCommit);
    ran = await run();
  }
  const setUp = { ...ran, refused: [...refused, ...ran.refused] };
  if (setUp.end === null && task.preparation.setup.length > 0) {
    const base = task.preparation.baseCommit;
    const ref = submoduleSetupRef(job.subtask.id);
    await keepSubmodules(mirror, { path: worktree.path, base, ref, since: null });
    if (attempt.sessionId === null) await recordSetup(job, worktree.path);
  }
  const isPlain = copied.copied.length === 0 && task.preparation.setup.length === 0;
  if (setUp.end === null && !isPlain)
    await waitOut(() => markPrepared(deps.db, worktree.id, attempt.baseCommit));
  return setUp;
}

/** Copies what setup made elsewhere, and says so. */
async function reuseSetup(
  deps: ExecuteDeps,
  job: Job,
  worktree: string,
  included: readonly string[],
): ReturnType<ExecuteDeps["giveSetup"]> {
  const { attempt, progress, task } = job;
  const commands = task.preparation?.setup ?? [];
  // Where earlier work lies, setup runs over what it left.
  if (commands.length === 0 || attempt.sessionId !== null) return { given: null, failed: null };
  const home = homeOfWorktree(worktree);
  const provided = await deps.giveSetup(job, {
    ...{ commit: attempt.baseCommit, worktree, home, included },
  });
  if (provided.given === null) return provided;
  const { isWhole, madeAt, setupMs, tookMs } = provided.given;
  const what = isWhole ? "in place of" : "for it to start from";
  progress.tell(
    `Setup: copied in ${(tookMs / 1000).toFixed(1)} s what it made ${describeAge(madeAt)}, ${what} a run of ${(setupMs / 1000).toFixed(1)} s`,
    {
      ...{ step: "setup_reused", is_whole: isWhole, made_at: madeAt.toISOString() },
      ...{ setup_ms: setupMs, duration_ms: tookMs },
    },
  );
  return provided;
}

/** Records the worktree after setup for `leaveOutSetup`, and reports the files that setup left. */
async function recordSetup({ attempt, mirror, progress, subtask, task }: Job, path: string) {
  const base = attempt.baseCommit;
  const ref = setupRef(subtask.id);
  const { commit } = await keepWorktree(mirror, {
    ...{ path, base, message: "After setup", ref },
    sparse: sparseOf(task.preparation),
  });
  if (commit === base) {
    await deleteRefs(mirror, [ref]);
    return;
  }
  const paths = (await listChanges(mirror, base, commit)).map((change) => change.path);
  const named = paths.slice(0, maxNamed).join(", ");
  const more = paths.length > maxNamed ? ` and ${paths.length - maxNamed} more` : "";
  progress.tell(
    `Setup left files that git does not ignore: ${named}${more}. They are not delivered, unless the agent changes them`,
    { step: "setup_left", paths: paths.slice(0, maxNamed), count: paths.length },
  );
}

export function setupRef(subtaskId: string): string {
  return `refs/deputy/setups/${subtaskId}`;
}

/** Runs the repository's setup commands one after the other. */
async function runSetupCommands(
  deps: ExecuteDeps,
  job: Job,
  worktree: string,
  env: Record<string, string>,
): Promise<SetUp> {
  const { signal, task } = job;
  const commands = task.preparation?.setup ?? [];
  if (commands.length === 0) return nothingRun;
  const box = await deps.openSetupBox(job, worktree);
  const end = (
    reason: RoleEnd["reason"],
    failure: FailureKind | null,
    detail: string,
    output: string,
  ): SetUp => {
    const confinement = box.confinement();
    const before = endedBefore(reason, failure, detail, output);
    return { end: { ...before, confinement }, refused: confinement.denials };
  };
  try {
    for (const command of commands) {
      const result = await box.runCommand({
        argv: ["sh", "-c", command],
        cwd: worktree,
        env,
        timeoutMs: setupTimeoutMs,
        signal,
        logPath: job.logPath,
      });
      if (result.endedBy === "abort")
        return end("cancelled", null, "cancelled during setup", result.output);
      const kill = result.endedBy === "exit" ? findKill(result) : null;
      if (kill?.failure)
        return end(
          "crashed",
          kill.failure,
          `setup \`${command}\` was ${kill.detail}`,
          result.output,
        );
      if (result.exitCode !== 0) {
        const how =
          result.endedBy === "timeout"
            ? "timed out"
            : (result.error ?? `exit ${result.exitCode ?? result.signal}`);
        const absent = result.exitCode === 127 ? absentWords : null;
        const why = result.missed ?? absent;
        const isTold = why || result.endedBy !== "exit";
        const said = isTold ? how : describeFailure(how, result.output);
        const detail = `setup \`${command}\` failed: ${said}${why ? `, ${why}` : ""}`;
        return end("crashed", "setup_failed", detail, result.output);
      }
      job.progress.tell(`Setup: ${command}`, {
        step: "setup",
        command,
        duration_ms: result.durationMs,
      });
    }
    return { end: null, refused: box.confinement().denials };
  } finally {
    await box.close();
  }
}

const absentWords =
  "so a program that it starts is not on the PATH of this machine: install it, or name other commands under `setup` in .deputy/config.yaml";

/** An attempt that ended before its agent started. */
export function endedBefore(
  reason: RoleEnd["reason"],
  failure: FailureKind | null,
  detail: string,
  outputTail: string,
): RoleEnd {
  const end = endWith(reason, failure, detail, {
    outputTail: cutToTail(cleanText(outputTail), 8_000),
  });
  return { ...end, sessionId: null, confinement: null };
}
