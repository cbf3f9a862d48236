import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import type { Task } from "../core/task/task.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { revertDelivered } from "../worktree/publish/revert.ts";
import type { FindForge, PullForge } from "./forges/pull-forge.ts";
import { requireDelivered } from "./hand-over.ts";

/**
 * Undo what a completed task brought: a revert commit where its branch was merged, a closed pull
 * request where it was not. Nothing is forced or deleted, and what a person committed since stays.
 * Work that was merged on another machine is undone there. Returns what was done, in one clause;
 * may run twice, as each effect is looked for first.
 */
export async function rollBackDelivery(findForge: FindForge, task: Task): Promise<string> {
  const repository = parseRepository(task.repository);
  // Deleting a branch is what many do after merging it; and a pull request that we closed counts as
  // discarded where the daemon died before it could record more.
  const mayBeDiscarded = repository.kind === "local" || task.delivery === "pr";
  const { branch, deliveredCommit: commit } = requireDelivered(
    mayBeDiscarded ? { ...task, discardedAt: null } : task,
  );
  if (task.delivery === "pr") return closePull(findForge(task.repository), task, branch);
  if (repository.kind !== "local")
    throw conflict(
      `${branch} was pushed to ${repository.url}: revert it there if it was merged, else delete it with deputy discard ${task.id}.`,
    );
  invariant(task.preparation, "a task that delivered was prepared");
  const { baseCommit: base } = task.preparation;
  const isDiscarded = task.discardedAt !== null;
  const what = { taskId: task.id, branch, base, commit, isDiscarded };
  const made = await revertDelivered(repository.url, what);
  const how = `revert commit ${made.commit.slice(0, 10)}${made.isNew ? "" : ", made before"}`;
  return `${branch} is undone on ${made.into} (${how})`;
}

async function closePull(forge: PullForge | null, task: Task, branch: string): Promise<string> {
  const { deliveryUrl: url, id } = task;
  invariant(url, "a task that delivered a pull request has its URL");
  if (!forge)
    throw new DeputyError(
      "unprocessable",
      `${url} cannot be closed without a token: set the one of its forge for the daemon (GITHUB_TOKEN, GITEA_TOKEN or GITLAB_TOKEN), or close it there.`,
    );
  const closed = await forge.closePullRequest({
    repositoryUrl: task.repository,
    url,
    // Only words of ours: nothing in them mentions anybody or refers to anything.
    body: `Closed without a merge, because \`${id}\` was rolled back. The branch stays.`,
    taskId: id,
  });
  switch (closed) {
    case "closed":
      return `${url} is closed; ${branch} stays until deputy discard ${id}`;
    case "merged":
      throw conflict(`${url} is merged: undo it there with its "Revert" button.`);
    case "closed_before":
      throw conflict(
        `${url} was closed there and not merged, so there is nothing to undo: delete its branch with deputy discard ${id}.`,
      );
  }
}

function conflict(message: string): DeputyError {
  return new DeputyError("conflict", message);
}
