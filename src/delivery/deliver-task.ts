import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeputyError } from "../core/error.ts";
import { invariant } from "../core/invariant.ts";
import type { Outcome, Stage } from "../core/outcome.ts";
import type { Task } from "../core/task.ts";
import { isBranchTaken } from "../store/branches.ts";
import type { Db } from "../store/schema.ts";
import { getTask, listAttempts, listSubtasks } from "../store/tasks.ts";
import { listChanges, writePatch } from "../worktree/diff.ts";
import { branchTip, publishBranch } from "../worktree/publish.ts";
import { parseRepository } from "../worktree/repository-url.ts";
import type { Forge } from "./forge.ts";
import { buildReceipt } from "./receipt.ts";
import { renderReceipt } from "./render-receipt.ts";
import { slugify } from "./slugify.ts";

/**
 * Hands the finished work over: the branch in the user's repository, a patch, the receipt, and
 * where it was asked for a draft pull request or a comment. Every step finds out first whether it
 * was done already, so a crash in the middle delivers once.
 */
export type DeliverDeps = {
  db: Db;
  artifacts: string;
  /** Null when no token is configured. */
  forge: Forge | null;
  authHeader: (url: string) => string | null;
};

export function makeDeliverStage(deps: DeliverDeps): Stage {
  return async (claim) => {
    const task = await getTask(deps.db, claim.taskId);
    invariant(task?.preparation && task.headCommit, "a task that is delivered was prepared");
    try {
      return task.delivery === "comment"
        ? await deliverComment(deps, task)
        : await deliverBranch(deps, task, task.preparation.baseCommit, task.headCommit);
    } catch (error) {
      // What a person can mend is not mended by trying again; what is away may come back.
      if (!(error instanceof DeputyError) || error.code === "unavailable") throw error;
      return {
        kind: "refused",
        detail: `the work is done, but could not be delivered: ${error.message} Then: deputy retry ${task.id}`,
      };
    }
  };
}

async function deliverBranch(
  deps: DeliverDeps,
  task: Task,
  base: string,
  commit: string,
): Promise<Outcome> {
  invariant(task.preparation, "a task that is delivered was prepared");
  const mirror = { gitDir: task.preparation.mirror };
  const branch = await publish(deps, task, commit);
  const folder = join(deps.artifacts, task.id);
  await mkdir(folder, { recursive: true });
  const patch = join(folder, "change.patch");
  await writePatch(mirror, base, commit, patch);
  const files = (await listChanges(mirror, base, commit)).map(({ path }) => path);
  const [subtasks, attempts] = await Promise.all([
    listSubtasks(deps.db, task.id),
    listAttempts(deps.db, { taskId: task.id }),
  ]);
  const makeReceipt = (url: string | null) =>
    buildReceipt({
      task: { ...task, endedAt: new Date() },
      subtasks,
      attempts,
      delivery: { branch, commit, url, patch, files },
    });
  let url: string | null = null;
  if (task.delivery === "pr") {
    if (!deps.forge)
      return {
        kind: "refused",
        detail: `the branch ${branch} is delivered, but no pull request could be opened: set GITHUB_TOKEN, then deputy retry ${task.id}`,
      };
    const pull = await deps.forge.openDraftPullRequest({
      repositoryUrl: task.repository,
      head: branch,
      base: await baseBranchOf(task),
      title: task.goal.split("\n")[0]?.slice(0, 200) ?? task.id,
      body: renderReceipt(makeReceipt(null)),
      taskId: task.id,
    });
    url = pull.url;
  }
  const receipt = makeReceipt(url);
  await writeFile(join(folder, "receipt.json"), `${JSON.stringify(receipt, null, 2)}\n`);
  await writeFile(join(folder, "receipt.md"), renderReceipt(receipt));
  const proof = receipt.verified ? "verified" : "unverified";
  return {
    kind: "delivered",
    branch,
    commit,
    url,
    detail: `${branch}, ${files.length} file${files.length === 1 ? "" : "s"} changed, ${proof}`,
  };
}

/** The first `deputy/<slug>` that is free, or that already holds this very commit. */
async function publish(deps: DeliverDeps, task: Task, commit: string): Promise<string> {
  invariant(task.preparation, "a task that is delivered was prepared");
  const repository = parseRepository(task.repository);
  const authHeader = deps.authHeader(repository.url);
  const auth = authHeader ? { authHeader } : {};
  const slug = slugify(task.goal);
  for (let number = 1; number <= 100; number++) {
    const branch = `deputy/${slug}${number === 1 ? "" : `-${number}`}`;
    if (await isBranchTaken(deps.db, task.repository, branch, task.id)) continue;
    const tip = await branchTip(repository, branch, auth);
    if (tip !== null && tip !== commit) continue;
    try {
      await publishBranch({ gitDir: task.preparation.mirror }, repository, {
        commit,
        branch,
        ...auth,
      });
      return branch;
    } catch (error) {
      // Somebody took the name between the look and the push; where nobody did, no name would do.
      const refused = error instanceof DeputyError && error.code === "conflict";
      if (!refused || (await branchTip(repository, branch, auth)) === null) throw error;
    }
  }
  throw new Error(`no free branch name under deputy/${slug}`);
}

async function baseBranchOf(task: Task): Promise<string> {
  return (task.preparation?.baseRef ?? "main").replace(/^refs\/(heads|remotes\/origin)\//, "");
}

async function deliverComment(deps: DeliverDeps, task: Task): Promise<Outcome> {
  const attempts = await listAttempts(deps.db, { taskId: task.id });
  const summary =
    attempts.findLast(({ endReason }) => endReason === "done")?.summary ??
    "The reviewer had nothing to say.";
  if (!task.origin.replyTo)
    return {
      kind: "delivered",
      branch: null,
      commit: null,
      url: null,
      detail: summary.slice(0, 1_000),
    };
  if (!deps.forge)
    return {
      kind: "refused",
      detail: `the review is done, but no comment could be posted: set GITHUB_TOKEN, then deputy retry ${task.id}`,
    };
  const comment = await deps.forge.upsertComment({
    target: task.origin.replyTo,
    body: summary,
    taskId: task.id,
  });
  return {
    kind: "delivered",
    branch: null,
    commit: null,
    url: comment.url,
    detail: `review posted to ${task.origin.replyTo}`,
  };
}
