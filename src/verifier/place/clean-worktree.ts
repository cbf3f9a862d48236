import { randomUUID } from "node:crypto";
import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { type Check, type CheckRun, setupCheckName } from "../../core/proof/verdict.ts";
import type { Sparse } from "../../core/settings/sparse.ts";
import { includeFiles } from "../../worktree/checkout/include-files.ts";
import { addWorktree, discardWorktree } from "../../worktree/checkout/worktree.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { throwAway } from "../../worktree/mirror/throw-away.ts";
import type { Given } from "../../worktree/prepared/prepared-trees.ts";
import { defaultCheckTimeoutMs } from "../checks/inspect-repository.ts";
import { type CheckPlace, runCheck } from "../checks/run-checks.ts";
import { type CheckSandbox, type ConfinedPlace, unconfined } from "./confine-checks.ts";

/**
 * Creates a worktree at one commit that nobody worked in and calls `use` with it. The ignored files
 * that the base's `.worktreeinclude` names are copied in, as for the agent. A scratch folder next
 * to it is the home of its commands in the sandbox and holds a folder for test reports. All of it
 * is removed afterwards, whatever happens.
 */
export async function withCleanWorktree<T>(
  { baseCommit, mirror, repository, sandbox, sparse, startsInside, workRoot }: CleanPlace,
  commit: string,
  use: (clean: Clean) => Promise<T>,
): Promise<T> {
  await mkdir(workRoot, { recursive: true });
  // Runners print the real path, and test names must not differ by it.
  const path = join(await realpath(workRoot), `check-${randomUUID()}`);
  const scratch = `${path}${scratchSuffix}`;
  const reports = join(scratch, "reports");
  let confined = unconfined;
  try {
    await mkdir(scratch, { mode: 0o700 });
    await mkdir(reports, { mode: 0o700 });
    await addWorktree(mirror, path, commit, "filled", sparse);
    const included =
      repository === undefined
        ? []
        : (await includeFiles(mirror, repository, path, baseCommit)).copied;
    if (sandbox) {
      const place = { worktree: path, reports, scratch, mirror };
      const boxes = await sandbox.openBoxes(startsInside ? { ...place, startsInside } : place);
      confined = { ...boxes, onDenials: sandbox.onDenials };
    }
    return await use({ worktree: path, confined, reports, included });
  } finally {
    await confined.close();
    await throwAway(mirror, scratch);
    await discardWorktree(mirror, path);
  }
}

/** Marks the folders next to worktrees, for the cleanup after a killed daemon. */
export const scratchSuffix = "-scratch";

export type Clean = {
  worktree: string;
  confined: ConfinedPlace;
  reports: string;
  /** The paths of the ignored files that were copied in. */
  included: readonly string[];
};

export type CleanPlace = {
  mirror: Mirror;
  /** Parent folder of the clean worktrees; each gets a unique name in it and is removed. */
  workRoot: string;
  /** The user's repository, whose ignored files are copied in; left out: none are copied. */
  repository?: string;
  baseCommit: string;
  /** The part of the tree that it holds; left out, or null: all of it. */
  sparse?: Sparse | null;
  /** Left out: commands run as the daemon's user. */
  sandbox?: CheckSandbox;
  /** Commands start at the path that every box has for its worktree; see `Confinement.startsInside`. */
  startsInside?: boolean;
};

export type Setup = {
  check: Check;
  run: CheckRun;
  ok: boolean;
  /** What was copied, in its place or for it to start from. */
  reused?: Given;
};

/**
 * Runs the setup commands in order and stops at the first that fails. A red command gets a second
 * run, because installing mostly depends on the network, unless it is only tried before a whole run.
 * Null when there is no setup.
 */
export async function runSetup(
  commands: readonly string[],
  place: CheckPlace,
  logRoot: string,
  round = "",
  isTried = false,
): Promise<Setup | null> {
  let last: Setup | null = null;
  for (const command of commands) {
    const check = setupCheck(command);
    const logPath = join(logRoot, `setup${round}.log`);
    let run = await runCheck(check, place, logPath, "setup");
    if (run.status === "red" && !isTried) run = await runCheck(check, place, logPath, "setup");
    last = { check, run, ok: run.status === "green" };
    if (!last.ok) break;
  }
  return last;
}

export function setupCheck(command: string): Check {
  return {
    ...{ name: setupCheckName, command, kind: "regression", source: "config" },
    ...{ timeoutMs: defaultCheckTimeoutMs, report: null },
  };
}

/** Path of a check's log: a file-safe name, numbered in the order of the checks. */
export function checkLogPath(logRoot: string, index: number, check: Check, round = ""): string {
  const slug = check.name
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40);
  return join(logRoot, `${String(index + 1).padStart(2, "0")}-${slug || "check"}${round}.log`);
}
