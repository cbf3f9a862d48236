import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { endWith, type RoleEnd } from "../agents/agent.ts";
import { findKill } from "../agents/words/killed.ts";
import { invariant } from "../core/base/invariant.ts";
import { attemptMark } from "../core/base/marks.ts";
import type { Refused } from "../core/proof/confinement.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import type { FailureKind } from "../core/task/failure.ts";
import { describeAge } from "../core/text/age.ts";
import { cleanText, cutToTail } from "../core/text/clean-text.ts";
import { describeFailure } from "../core/text/telling-line.ts";
import { waitOut } from "../store/database/outage.ts";
import { getSession } from "../store/records/sessions.ts";
import {
  claimWorktree,
  markPrepared,
  portsPerWorktree,
  type WorktreeRow,
} from "../store/tasks/worktrees.ts";
import { includeFiles } from "../worktree/checkout/include-files.ts";
import { setAside, setAsideRecent } from "../worktree/checkout/set-aside.ts";
import {
  addWorktree,
  adoptWorktree,
  moveBase,
  renewWorktree,
  resetWorktree,
} from "../worktree/checkout/worktree.ts";
import { homeOfWorktree, removeHome } from "../worktree/checkout/worktree-home.ts";
import { keepWorktree } from "../worktree/commits/keep-worktree.ts";
import { snapshotWorktree } from "../worktree/commits/snapshot.ts";
import { listLeftOut } from "../worktree/commits/worktree-changes.ts";
import {
  keepSubmodules,
  submoduleBeforeRef,
  submoduleSetupRef,
} from "../worktree/content/keep-submodules.ts";
import { deleteRefs, hasCommit } from "../worktree/mirror/mirror.ts";
import { listChanges } from "../worktree/read/diff.ts";
import type { ExecuteDeps, Job } from "./job.ts";

/**
 * Prepares what an agent finds when it starts: a worktree at the attempt's base, a range of ports,
 * and the files and dependencies that the repository says it needs.
 */
const setupTimeoutMs = 30 * 60_000;
/** At most this many of the copied files are named in an event; there may be tens of thousands. */
const maxNamed = 50;

/**
 * The subtask's worktree: at the attempt's base, or, for an attempt that continues earlier work, at
 * that work's last checkpoint. Existing content is kept as a snapshot. Rejects if the files are not
 * as they should be, and names the path.
 */
export async function prepareWorktree(deps: ExecuteDeps, job: Job): Promise<WorktreeRow> {
  const { attempt, mirror, subtask, task } = job;
  const path = join(deps.paths.worktrees, subtask.id);
  await mkdir(deps.paths.worktrees, { recursive: true });
  const wanted = { taskId: task.id, subtaskId: subtask.id, mirror: mirror.gitDir, path };
  const row = await waitOut(() => claimWorktree(deps.db, wanted));
  const session = attempt.sessionId ? await getSession(deps.db, attempt.sessionId) : null;
  const sparse = sparseOf(task.preparation);
  await adoptWorktree(mirror, path, attempt.baseCommit, sparse);
  // A reviewed commit is untrusted and may name any submodule, so they stay empty.
  const submodules = task.expectsChange ? "filled" : "empty";
  const added = await addWorktree(mirror, path, attempt.baseCommit, submodules, sparse);
  /** What the snapshot cannot hold. */
  let leftOut: string[] = [];
  if (added === "existed") {
    const { skipped } = await snapshotWorktree(mirror, path, {
      parent: attempt.baseCommit,
      message: `Before attempt ${attempt.number} of ${subtask.id}`,
      ref: `refs/deputy/before/${attempt.id}`,
    });
    leftOut = listLeftOut(skipped);
    const ref = submoduleBeforeRef(attempt.id);
    await keepSubmodules(mirror, { path, base: attempt.baseCommit, ref, since: null });
  }
  const checkpoint = session?.checkpointCommit ?? attempt.baseCommit;
  // The checkpoints are gone if the mirror was lost.
  const isLost = !(await hasCommit(mirror, checkpoint));
  const at = isLost ? attempt.baseCommit : checkpoint;
  // An agent with a session of its own knows what it did since the checkpoint: its files stay as
  // they are, if they still exist.
  const isLeft = (session?.externalId != null || isLost) && added === "existed";
  if (session === null && added === "existed") {
    tellAside(job, await setAsideRecent(mirror, path, leftOut));
    await renewWorktree(mirror, path, attempt.baseCommit, submodules, sparse);
  } else if (!isLeft && (added === "existed" || at !== attempt.baseCommit)) {
    tellAside(job, await setAside(path, leftOut));
    await resetWorktree(mirror, path, at, task.expectsChange ? "left" : "empty", sparse);
  }
  if (isLeft || at !== attempt.baseCommit) await moveBase(mirror, path, attempt.baseCommit);
  job.progress.tell(`Worktree ready at ${at.slice(0, 10)}`, {
    step: "worktree",
    path,
    base_commit: attempt.baseCommit,
    port: row.portBase,
  });
  // A new worktree has nothing that setup installed.
  return added === "created" || session === null ? { ...row, preparedFor: null } : row;
}

function tellAside({ progress }: Job, aside: string | null): void {
  if (aside !== null)
    progress.tell(`Set aside for a day in ${aside}: files that no snapshot holds`, {
      ...{ step: "set_aside", path: aside },
    });
}

export function worktreeEnvironment(
  deps: ExecuteDeps,
  job: Job,
  worktree: WorktreeRow,
): Record<string, string> {
  const ports =
    worktree.portBase === null
      ? {}
      : {
          PORT: String(worktree.portBase),
          DEPUTY_PORT_RANGE: `${worktree.portBase}-${worktree.portBase + portsPerWorktree - 1}`,
        };
  return {
    ...deps.environment(job.task.preparation?.tools),
    ...ports,
    DEPUTY_TASK_ID: job.task.id,
    DEPUTY_SUBTASK: job.subtask.key,
    DEPUTY_ATTEMPT: String(job.attempt.number),
    [attemptMark]: job.attempt.id,
    // No one can answer a prompt: npx installs without asking.
    npm_config_yes: "true",
    // An agent's git must not climb out of its worktree into a surrounding repository.
    GIT_CEILING_DIRECTORIES: deps.paths.worktrees,
  };
}

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
async function recordSetup({ attempt, mirror, progress, subtask }: Job, path: string) {
  const base = attempt.baseCommit;
  const ref = setupRef(subtask.id);
  const { commit } = await keepWorktree(mirror, { path, base, message: "After setup", ref });
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
