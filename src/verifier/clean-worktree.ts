import { randomUUID } from "node:crypto";
import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { type Check, type CheckRun, setupCheckName } from "../core/verdict.ts";
import { removeTree } from "../sandbox/remove-tree.ts";
import { includeFiles } from "../worktree/include-files.ts";
import type { Mirror } from "../worktree/open-mirror.ts";
import { addWorktree, discardWorktree } from "../worktree/worktree.ts";
import { type CheckSandbox, type ConfinedPlace, unconfined } from "./confine-checks.ts";
import { defaultCheckTimeoutMs } from "./inspect-repository.ts";
import { type CheckPlace, runCheck } from "./run-checks.ts";

/**
 * A worktree at one commit that nobody worked in, for as long as `use` runs, with the ignored files
 * that the base's `.worktreeinclude` names beside it, as the agent's has them, and a folder for what
 * its commands keep elsewhere, which is their home in the sandbox; in it one for what test runners report.
 * All are gone afterwards whatever happens; nothing in them is anybody's work, so nothing is kept of it.
 */
export async function withCleanWorktree<T>(
  { mirror, workRoot, repository, baseCommit, sandbox }: CleanPlace,
  commit: string,
  use: (worktree: string, confined: ConfinedPlace, reports: string) => Promise<T>,
): Promise<T> {
  await mkdir(workRoot, { recursive: true });
  // The real path, because runners print that one and test names must not differ by it.
  const path = join(await realpath(workRoot), `check-${randomUUID()}`);
  const scratch = `${path}${scratchSuffix}`;
  const reports = join(scratch, "reports");
  let confined = unconfined;
  try {
    await mkdir(scratch, { mode: 0o700 });
    await mkdir(reports, { mode: 0o700 });
    await addWorktree(mirror, path, commit);
    if (repository !== undefined) await includeFiles(mirror, repository, path, baseCommit);
    if (sandbox) {
      const boxes = await sandbox.openBoxes({ worktree: path, reports, scratch, mirror });
      confined = { ...boxes, onDenials: sandbox.onDenials };
    }
    return await use(path, confined, reports);
  } finally {
    await confined.close();
    await removeTree(scratch);
    await discardWorktree(mirror, path);
  }
}

/** What tells the folders beside worktrees, to whoever clears up after a killed daemon. */
export const scratchSuffix = "-scratch";

export type CleanPlace = {
  mirror: Mirror;
  /** A folder for clean worktrees; each gets a name of its own in it, and is removed. */
  workRoot: string;
  /** The user's repository, whose ignored files are copied in; left out: none are. */
  repository?: string;
  baseCommit: string;
  /** Left out: commands run as the daemon's user. */
  sandbox?: CheckSandbox;
};

export type Setup = { check: Check; run: CheckRun; ok: boolean };

/**
 * Run the setup commands, one after the other, up to the first that fails. A command that is red
 * gets a second run: installing is mostly network. Null when there is nothing to set up.
 */
export async function runSetup(
  commands: readonly string[],
  place: CheckPlace,
  logRoot: string,
  round = "",
): Promise<Setup | null> {
  let last: Setup | null = null;
  for (const command of commands) {
    const check: Check = {
      name: setupCheckName,
      command,
      kind: "regression",
      source: "config",
      timeoutMs: defaultCheckTimeoutMs,
      report: null,
    };
    const logPath = join(logRoot, `setup${round}.log`);
    let run = await runCheck(check, place, logPath, "setup");
    if (run.status === "red") run = await runCheck(check, place, logPath, "setup");
    last = { check, run, ok: run.status === "green" };
    if (!last.ok) break;
  }
  return last;
}

/** Where the log of a check goes: a name that is safe as a file's, in the order of the checks. */
export function checkLogPath(logRoot: string, index: number, check: Check, round = ""): string {
  const slug = check.name
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40);
  return join(logRoot, `${String(index + 1).padStart(2, "0")}-${slug || "check"}${round}.log`);
}
