import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import type { Db } from "../store/database/schema.ts";
import { isBranchTaken } from "../store/tasks/branches.ts";
import { hasCommit, type Mirrors } from "../worktree/mirror/mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { branchTip, publishBranch } from "../worktree/publish/publish.ts";
import { publishLfs } from "../worktree/publish/publish-lfs.ts";
import { slugify } from "./slugify.ts";

/**
 * A task's branch in the user's repository: `deputy/<slug>`, with a number if that name holds other
 * work. It is recorded when the task completes; until then it is found by its commit, which no
 * other task can have made.
 */
export type PublishDeps = {
  db: Db;
  mirrors: Mirrors;
  authHeader: (url: string) => string | null;
  redact: Redact;
};

const maxNames = 100;

/** Push the commit to the first name that is free or already holds it. Returns the branch. */
export async function publishTask(deps: PublishDeps, task: Task, commit: string): Promise<string> {
  invariant(task.preparation, "a task that is delivered was prepared");
  const { auth, repository } = openRepository(deps, task);
  const { baseCommit: base } = task.preparation;
  const mirror = deps.mirrors.at(task.preparation.mirror);
  // Before a branch is looked at: what was lost is no refusal that a person could mend.
  if (!(await hasCommit(mirror, commit)))
    throw new Error(
      `The mirror ${mirror.gitDir} has no commit ${commit}, which is to be delivered.`,
    );
  await publishLfs(mirror, repository, { base, commit, ...auth });
  for (const branch of branchNames(deps, task)) {
    if (await isBranchTaken(deps.db, task.repository, branch, task.id)) continue;
    const tip = await branchTip(repository, branch, auth);
    // The task's earlier delivery may be replaced, as long as nobody else moved the branch.
    const isOwn = branch === task.branch && tip === task.deliveredCommit;
    if (tip !== null && tip !== commit && !isOwn) continue;
    try {
      await publishBranch(mirror, repository, { commit, branch, tip, ...auth });
      return branch;
    } catch (error) {
      // Somebody took the name between the look-up and the push; if nobody did, no name would work.
      const refused = error instanceof DeputyError && error.code === "conflict";
      if (!refused || (await branchTip(repository, branch, auth)) === null) throw error;
    }
  }
  throw new DeputyError(
    "conflict",
    `${task.repository} has ${maxNames} branches called deputy/${slugify(deps.redact(task.goal))}: delete those that you no longer need.`,
  );
}

/** The branch that an unfinished delivery left in the user's repository, or null. */
export async function findPublished(deps: PublishDeps, task: Task): Promise<string | null> {
  const { headCommit, preparation } = task;
  if (!preparation || headCommit === null || headCommit === preparation.baseCommit) return null;
  const { auth, repository } = openRepository(deps, task);
  for (const branch of branchNames(deps, task)) {
    const tip = await branchTip(repository, branch, auth);
    if (tip === headCommit) return branch;
    // Names are given out in order.
    if (tip === null && !(await isBranchTaken(deps.db, task.repository, branch, task.id))) break;
  }
  return null;
}

function openRepository(deps: PublishDeps, task: Task) {
  const repository = parseRepository(task.repository);
  const authHeader = deps.authHeader(repository.url);
  return { repository, auth: authHeader ? { authHeader } : {} };
}

function* branchNames({ redact }: PublishDeps, task: Task): Generator<string> {
  const name = `deputy/${slugify(redact(task.goal))}`;
  for (let number = 1; number <= maxNames; number++) {
    yield number === 1 ? name : `${name}-${number}`;
  }
}
