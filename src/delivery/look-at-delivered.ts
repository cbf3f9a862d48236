import { decisionOf, type Task } from "../core/task/task.ts";
import { type Mirrors, openMirror } from "../worktree/mirror/mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { inspectSource } from "../worktree/mirror/source-repository.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { isIn } from "../worktree/publish/guard-checkout.ts";
import { branchTip } from "../worktree/publish/publish.ts";
import type { FindForge } from "./forges/pull-forge.ts";
import { baseNameOf } from "./hand-over.ts";

/** `open`: it waits for a person. `gone`: its branch is not there any more. */
export type DeliveredWork = "none" | "open" | "merged" | "closed" | "gone" | "accepted" | "undone";

type LookDeps = {
  findForge: FindForge;
  mirrors: Mirrors;
  authHeader: AuthHeader;
};

/**
 * What became of what a task delivered, as its repository and its pull request tell now. Without a
 * token a pull request counts as open: a second one could not be opened either. A branch counts as
 * merged once the task's base has the delivered commit; of a repository elsewhere that is known from
 * the last fetch.
 */
export async function lookAtDelivered(deps: LookDeps, task: Task): Promise<DeliveredWork> {
  if (task.branch === null) return "none";
  const decision = decisionOf(task);
  if (decision === "accepted") return "accepted";
  if (decision === "rolled_back" || decision === "discarded") return "undone";
  if (task.deliveryUrl !== null) {
    const { deliveryUrl: url, repository: repositoryUrl } = task;
    const forge = deps.findForge(repositoryUrl);
    return forge ? forge.lookAtPullRequest({ repositoryUrl, url }) : "open";
  }
  if (await isInBase(deps, task)) return "merged";
  const repository = parseRepository(task.repository);
  const header = await deps.authHeader(repository.url);
  const tip = await branchTip(repository, task.branch, header ? { authHeader: header } : {});
  return tip === null ? "gone" : "open";
}

async function isInBase({ mirrors }: LookDeps, task: Task): Promise<boolean> {
  const { deliveredCommit: commit, preparation } = task;
  if (!commit || !preparation || commit === preparation.baseCommit) return false;
  const repository = parseRepository(task.repository);
  const base = baseNameOf(task);
  if (repository.kind === "local")
    return isIn((await inspectSource(repository.url)).git, commit, `refs/heads/${base}`);
  const mirror = openMirror(mirrors.at(preparation.mirror));
  return isIn(mirror, commit, `refs/remotes/origin/${base}`);
}
