import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import { decisionOf, type Task } from "../../core/task/task.ts";
import type { Redact } from "../../core/text/redact.ts";
import { findCredentials } from "../../delivery/find-credentials.ts";
import type { ReceiptDelivery } from "../../delivery/receipt/receipt.ts";
import { describeCommits } from "../../worktree/commits/rewrite-commits.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";
import { listChanges } from "../../worktree/read/diff.ts";

/** The delivered work for the receipt; null: nothing was delivered, or a person discarded it. */
export async function describeDelivery(
  { config, mirrors, redact }: { config: Config; mirrors: Mirrors; redact: Redact },
  task: Task,
): Promise<ReceiptDelivery | null> {
  if (task.deliveryUrl && task.delivery === "comment") {
    return {
      branch: null,
      commit: null,
      commits: [],
      signed: false,
      url: task.deliveryUrl,
      patch: null,
      files: [],
      credentials: [],
    };
  }
  const isGone = task.discardedAt !== null && decisionOf(task) !== "accepted";
  if (!task.deliveredCommit || !task.preparation || isGone) return null;
  const mirror = mirrors.at(task.preparation.mirror);
  const changes = await listChanges(mirror, task.preparation.baseCommit, task.deliveredCommit);
  const patch = join(config.paths.artifacts, task.id, "change.patch");
  const credentials = await findCredentials(
    mirror,
    task.preparation.baseCommit,
    task.deliveredCommit,
    redact,
  );
  return {
    credentials,
    branch: task.branch,
    commit: task.deliveredCommit,
    ...(await describeCommits(mirror, task.preparation.baseCommit, task.deliveredCommit)),
    url: task.deliveryUrl,
    patch: existsSync(patch) ? patch : null,
    files: changes.map(({ path }) => path),
  };
}
