import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import type { BaseUpdate, Preparation, Task } from "../core/task/task.ts";
import { makeInert } from "../core/text/inert-text.ts";
import { commitTree } from "../worktree/commits/commit-tree.ts";
import { mergeCommits } from "../worktree/commits/merge.ts";
import { ensureMirror, type Mirrors, pinRef, resolveBase } from "../worktree/mirror/mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { findBranchOf, isAncestor } from "../worktree/read/read-commit.ts";
import { adoptPushed } from "./adopt-pushed.ts";
import { baseNameOf, requireDelivered } from "./hand-over.ts";

/**
 * Brings delivered work up to date: its base as it is now is merged into the head of the task branch,
 * after what people pushed to the delivered one. Where they conflict there is a merge all the same,
 * whose files hold both sides between conflict markers: an agent resolves them. Only refs of the
 * mirror move here; the orchestrator records the rest.
 */
export type UpdateDeps = {
  mirrors: Mirrors;
  authHeader: AuthHeader;
  /** What the base commit says about setup and checks, as when a task is planned. */
  prepare: (task: Task, signal: AbortSignal) => Promise<Preparation>;
};

export type UpdatedBase = Preparation & { update: BaseUpdate };

/**
 * The work on the base as it is now; `updated` is null where the work has that already. Throws a
 * DeputyError where there is nothing that could be updated, or nothing to update it with.
 */
export async function updateBranch(
  deps: UpdateDeps,
  task: Task,
): Promise<{ name: string; commit: string; updated: UpdatedBase | null }> {
  const { branch } = requireDelivered(task);
  const { headCommit, preparation } = task;
  invariant(preparation && headCommit, "a task that delivered was prepared");
  const { commit, mirror, name } = await findBase(deps, task, preparation);
  const pushed = await adoptPushed(deps, task);
  const work = pushed ?? headCommit;
  if (pushed === null && (await isAncestor(mirror, commit, work)))
    return { name, commit, updated: null };
  // A copy of what was not committed went into the work; the base is what is committed by now.
  const wanted = { ...task, base: `refs/heads/${name}`, includeUncommitted: false };
  const prepared = await deps.prepare(wanted, new AbortController().signal);
  const base = prepared.baseCommit;
  const message = `Merge ${makeInert(name)} into ${branch}\n\nDeputy-Task: ${task.id}`;
  const merged = await mergeCommits(mirror, { into: work, from: base, message });
  const head =
    merged.kind === "merged"
      ? merged.commit
      : await commitTree(mirror, merged.tree, [work, base], message);
  await pinRef(mirror, `tasks/${task.id}`, head);
  const conflicts = merged.kind === "conflict" ? merged.files : [];
  const update = { from: preparation.baseCommit, work, base, head, conflicts };
  return { name, commit: base, updated: { ...prepared, baseRef: name, update } };
}

/** The branch that the task was started from, as it is now. Throws where there is none any more. */
async function findBase(
  { authHeader, mirrors }: UpdateDeps,
  task: Task,
  { baseCommit, baseRef }: Preparation,
) {
  const { id, repository: url } = task;
  const repository = parseRepository(url);
  const header = await authHeader(repository.url);
  const mirror = await ensureMirror(mirrors, repository, header ? { authHeader: header } : {});
  const refuse = (why: string) => new DeputyError("conflict", why);
  const wanted = baseNameOf(task);
  const read = (name: string) =>
    resolveBase(mirror, name).catch((error) => {
      if (error instanceof DeputyError) return null; // none of that name
      throw error;
    });
  const named = await read(`refs/heads/${wanted}`);
  if (named) return { mirror, name: wanted, commit: named.commit };
  // It was started from a tag or a commit, which do not move: a branch that holds it may have.
  if ((await read(baseRef)) === null)
    throw refuse(
      `The branch ${wanted}, from which ${id} was started, is gone from ${url}: there is nothing to bring it up to date with.`,
    );
  const name = await findBranchOf(mirror, wanted, baseCommit);
  const found = name === null ? null : await read(`refs/heads/${name}`);
  if (name === null || !found)
    throw refuse(
      `${id} was started from ${wanted}, which is on no branch alone: there is nothing to bring it up to date with.`,
    );
  return { mirror, name, commit: found.commit };
}
