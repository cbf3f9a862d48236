import { decisionOf, type Task } from "../core/task/task.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { branchTip } from "../worktree/publish/publish.ts";
import type { Forge } from "./github/forge.ts";

/**
 * What became of what a task delivered, as its repository and its pull request tell now. Without a
 * token a pull request counts as open: a second one could not be opened either.
 */
export async function lookAtDelivered(
  { forge, authHeader }: { forge: Forge | null; authHeader: (url: string) => string | null },
  task: Task,
): Promise<"none" | "open" | "merged" | "closed" | "gone" | "accepted" | "undone"> {
  if (task.branch === null) return "none";
  const decision = decisionOf(task);
  if (decision === "accepted") return "accepted";
  if (decision === "rolled_back" || decision === "discarded") return "undone";
  if (task.deliveryUrl !== null) {
    const { deliveryUrl: url, repository: repositoryUrl } = task;
    return forge ? forge.lookAtPullRequest({ repositoryUrl, url }) : "open";
  }
  const repository = parseRepository(task.repository);
  const header = authHeader(repository.url);
  const tip = await branchTip(repository, task.branch, header ? { authHeader: header } : {});
  return tip === null ? "gone" : "open";
}
