import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "../../config/config.ts";
import { decisionOf, type Task } from "../../core/task/task.ts";
import type { Redact } from "../../core/text/redact.ts";
import { findCredentials } from "../../delivery/find-credentials.ts";
import type { ReceiptDelivery } from "../../delivery/receipt/receipt.ts";
import { describeCommits } from "../../worktree/commits/rewrite-commits.ts";
import { findOutsideLinks } from "../../worktree/content/find-outside-links.ts";
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
      outsideLinks: [],
      note: null,
    };
  }
  const isGone = task.discardedAt !== null && decisionOf(task) !== "accepted";
  if (!task.deliveredCommit || !task.preparation || isGone) return null;
  const mirror = mirrors.at(task.preparation.mirror);
  const [base, commit] = [task.preparation.baseCommit, task.deliveredCommit];
  const changes = await listChanges(mirror, base, commit);
  const patch = join(config.paths.artifacts, task.id, "change.patch");
  return {
    credentials: await findCredentials(mirror, base, commit, redact),
    outsideLinks: await findOutsideLinks(mirror, base, commit),
    note: await readNote(join(config.paths.artifacts, task.id, "receipt.json"), commit),
    branch: task.branch,
    commit,
    ...(await describeCommits(mirror, base, commit)),
    url: task.deliveryUrl,
    patch: existsSync(patch) ? patch : null,
    files: changes.map(({ path }) => path),
  };
}

const receiptSchema = z.object({
  delivery: z.object({ commit: z.string(), note: z.string().nullable() }),
});

/** What the commit-msg hook said when this commit was delivered: only that receipt knows. */
async function readNote(path: string, commit: string): Promise<string | null> {
  try {
    const { delivery } = receiptSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return delivery.commit === commit ? delivery.note : null;
  } catch {
    return null; // deleted by a person, of an earlier version, or cut off by a full disk
  }
}
