import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import type { Verdict } from "../core/proof/verdict.ts";
import type { CommitSettings } from "../core/settings/commit-settings.ts";
import type { Claim, Outcome, Stage } from "../core/task/outcome.ts";
import type { Preparation, Task } from "../core/task/task.ts";
import { makeInert } from "../core/text/inert-text.ts";
import { type Redact, redactDeep } from "../core/text/redact.ts";
import { publicTitleOf } from "../core/text/title.ts";
import type { Db } from "../store/database/schema.ts";
import { listMessages } from "../store/records/messages.ts";
import { listUsage } from "../store/records/usage.ts";
import { listPlans } from "../store/tasks/plans.ts";
import { findFirstComment, getTask, listAttempts, listSubtasks } from "../store/tasks/tasks.ts";
import { describeCommits } from "../worktree/commits/rewrite-commits.ts";
import { findOutsideLinks } from "../worktree/content/find-outside-links.ts";
import type { Mirror, Mirrors } from "../worktree/mirror/mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { isSourceAway } from "../worktree/mirror/source-repository.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { listChanges, maxPatchBytes, writePatch } from "../worktree/read/diff.ts";
import { measureChange } from "../worktree/read/diff-trees.ts";
import { findBranchOf } from "../worktree/read/read-commit.ts";
import { describePull } from "./describe-pull.ts";
import { findCredentials } from "./find-credentials.ts";
import type { Commenter } from "./forges/find-commenter.ts";
import type { FindForge } from "./forges/pull-forge.ts";
import { baseNameOf } from "./hand-over.ts";
import { dressCommits } from "./messages/dress-commits.ts";
import type { RunHook } from "./messages/try-messages.ts";
import { publishTask } from "./publish-task.ts";
import { buildReceipt, type ReceiptDelivery, summaryOf } from "./receipt/receipt.ts";
import { renderReceipt } from "./receipt/render-receipt.ts";

/**
 * Delivers the finished work: the branch in the user's repository, a patch, the receipt, and a
 * draft pull request or comment if asked for. Every step first checks whether it was already done,
 * so a crash in between still delivers once.
 */
export type DeliverDeps = {
  db: Db;
  mirrors: Mirrors;
  artifacts: string;
  /** For comments; null: no forge that takes any is configured. */
  forge: Commenter | null;
  findForge: FindForge;
  authHeader: AuthHeader;
  redact: Redact;
  /** How the commits of a repository look when they are delivered. */
  commits: (repository: string) => CommitSettings;
  /** Runs a command in a clean worktree, in the box of checks; null where it did not get to run. */
  runHook: (claim: Claim, task: Task, signal: AbortSignal) => RunHook;
  /** The checks of all parts on the whole, before anything is published; otherwise what follows. */
  gateWhole: (
    claim: Claim,
    task: Task,
    signal: AbortSignal,
  ) => Promise<{ outcome: Outcome } | { outcome: null; verdict: Verdict | null }>;
};

export function makeDeliverStage(deps: DeliverDeps): Stage {
  return async (claim, signal) => {
    const task = await getTask(deps.db, claim.taskId);
    invariant(task?.preparation && task.headCommit, "a task that is delivered was prepared");
    // A stop request before anything is published prevents delivery. After this point it runs to
    // the end.
    signal.throwIfAborted();
    const gated = await deps.gateWhole(claim, task, signal);
    if (gated.outcome) return gated.outcome;
    signal.throwIfAborted();
    const { verdict } = gated;
    try {
      if (task.delivery === "comment") return await deliverComment(deps, task);
      const isNothing = task.branch === null && task.headCommit === task.preparation.baseCommit;
      return isNothing
        ? await deliverNothing(deps, task)
        : await deliverBranch(
            deps,
            { ...task, gateVerdict: verdict },
            task.headCommit,
            deps.runHook(claim, task, signal),
          );
    } catch (error) {
      // A fault that needs a person is not fixed by retrying; an unavailable service may come back.
      if (!(error instanceof DeputyError)) throw error;
      // A limit that ends at a known time is no failure: nothing is tried before.
      const { message: detail, retryAt } = error;
      if (retryAt) return { kind: "postponed", detail, retryAt };
      if (error.code === "unavailable") throw error;
      const { kind, url } = parseRepository(task.repository);
      if (kind === "local" && (await isSourceAway(url))) throw error;
      return {
        kind: "refused",
        detail: `the work is done, but could not be delivered: ${error.message}`,
      };
    }
  };
}

async function deliverBranch(
  deps: DeliverDeps,
  task: Task,
  head: string,
  runHook: RunHook,
): Promise<Outcome> {
  invariant(task.preparation, "a task that is delivered was prepared");
  const { baseCommit: base } = task.preparation;
  const mirror = deps.mirrors.at(task.preparation.mirror);
  const { commit, note } = await dressCommits(deps, task, head, runHook);
  const branch = await publishTask(deps, task, commit);
  const folder = join(deps.artifacts, task.id);
  await mkdir(folder, { recursive: true });
  const bytes = await measureChange(mirror, base, commit);
  const patch = bytes > maxPatchBytes ? null : join(folder, "change.patch");
  if (patch !== null) await writePatch(mirror, base, commit, patch);
  const files = (await listChanges(mirror, base, commit)).map(({ path }) => path);
  const credentials = await findCredentials(mirror, base, commit, deps.redact);
  const outsideLinks = await findOutsideLinks(mirror, base, commit);
  const made = await describeCommits(mirror, base, commit);
  const [subtasks, attempts, usage, plans, messages] = await Promise.all([
    listSubtasks(deps.db, task.id),
    listAttempts(deps.db, { taskId: task.id }),
    listUsage(deps.db, task.id),
    listPlans(deps.db, task.id),
    listMessages(deps.db, task.id),
  ]);
  const makeReceipt = (where: Pick<ReceiptDelivery, "url" | "patch" | "isPublic">) =>
    redactDeep(
      buildReceipt({
        task: { ...task, endedAt: new Date() },
        subtasks,
        attempts,
        usage,
        plans,
        messages,
        delivery: { branch, commit, ...made, files, credentials, outsideLinks, note, ...where },
      }),
      deps.redact,
    );
  let url: string | null = null;
  if (task.delivery === "pr") {
    const forge = deps.findForge(task.repository);
    if (!forge) return refuse(`the branch ${branch} is delivered`, missingToken);
    try {
      const pull = await forge.openDraftPullRequest({
        repositoryUrl: task.repository,
        head: branch,
        base: await findTargetBranch(mirror, task.preparation),
        title: publicTitleOf(task, deps.redact),
        // Public readers have no use for the patch's path on this machine.
        body: `${describePull(task, attempts, deps.redact)}${renderReceipt(makeReceipt({ url: null, patch: null, isPublic: true }))}`,
        taskId: task.id,
        known: task.deliveryUrl,
      });
      url = pull.url;
    } catch (error) {
      return refuse(`the branch ${branch} is delivered`, error);
    }
  }
  const receipt = makeReceipt({ url, patch });
  await writeFile(join(folder, "receipt.json"), `${JSON.stringify(receipt, null, 2)}\n`);
  await writeFile(join(folder, "receipt.md"), renderReceipt(receipt));
  const { headline } = receipt;
  const proof = receipt.verified ? `v${headline.slice(1)}` : `unverified: ${receipt.verdict}`;
  return {
    kind: "delivered",
    ...(task.gateVerdict && { gateVerdict: task.gateVerdict }),
    branch,
    commit,
    url,
    detail: `${branch}, ${files.length} file${files.length === 1 ? "" : "s"} changed, ${proof}${credentials.length > 0 ? `; it adds what looks like a credential, in ${credentials.join(", ")}` : ""}${describeLinks(outsideLinks)}${describeUpdate(task.preparation)}${note === null ? "" : `; ${note}`}`,
  };
}

/** For one line; the receipt has all of them. */
function describeLinks(links: readonly string[]): string {
  if (links.length === 0) return "";
  const more = links.length > 3 ? " and others" : "";
  return `; links that lead outside the repository: ${links.slice(0, 3).join(", ")}${more}`;
}

/** No part had anything to do: there is no branch, and the receipt says why. */
async function deliverNothing({ db }: DeliverDeps, { id }: Task): Promise<Outcome> {
  const subtasks = await listSubtasks(db, id);
  const why = [...new Set(subtasks.flatMap(({ verdict }) => verdict?.summary ?? []))].join("; ");
  const delivered = { kind: "delivered", branch: null, commit: null, url: null } as const;
  return { ...delivered, detail: `nothing to do: ${why}` };
}

function describeUpdate({ baseRef, update }: Preparation): string {
  return update ? `; up to date with ${baseRef} at ${update.base.slice(0, 10)}` : "";
}

/** The target branch of a pull request; "HEAD" stands for the forge's default branch. */
async function findTargetBranch(mirror: Mirror, preparation: Preparation): Promise<string> {
  const name = baseNameOf({ preparation });
  return (await findBranchOf(mirror, name, preparation.baseCommit)) ?? "HEAD";
}

const missingToken = new DeputyError(
  "unprocessable",
  "The daemon has no token for its forge any more: set it again (GITHUB_TOKEN, GITEA_TOKEN or GITLAB_TOKEN).",
);

/**
 * A fault that needs a person ends the task with a message, and the finished work is kept for a
 * retry; a transient one is thrown, and the stage is tried again.
 */
function refuse(done: string, error: unknown): Outcome {
  if (!(error instanceof DeputyError) || error.code === "unavailable") throw error;
  return {
    kind: "refused",
    detail: `${done}, but nothing more. ${error.message}`,
  };
}

/**
 * A review is one comment, however often the pull request moves: later tasks edit the comment of
 * the first one, which is found by that task's id.
 */
async function deliverComment(deps: DeliverDeps, task: Task): Promise<Outcome> {
  invariant(task.preparation, "a task that is delivered was prepared");
  const attempts = await listAttempts(deps.db, { taskId: task.id });
  const summary = summaryOf(attempts) ?? "The reviewer had nothing to say.";
  const delivered = { kind: "delivered", branch: null, commit: null } as const;
  const { replyTo } = task.origin;
  if (!replyTo) return { ...delivered, url: null, detail: summary.slice(0, 1_000) };
  if (!deps.forge) return refuse("the review is done", missingToken);
  try {
    const first = await findFirstComment(deps.db, replyTo);
    const { url, edited } = await deps.forge.upsertComment({
      target: replyTo,
      // The daemon's own words come first: the summary may be any Markdown, even with an unclosed
      // fence.
      body: `A review of ${task.preparation.baseCommit}, which changed nothing and ran no checks. The agent says:\n\n---\n\n${makeInert(summary)}`,
      taskId: first.taskId ?? task.id,
      known: first.url,
    });
    const detail = edited
      ? `review of ${replyTo} brought up to date`
      : `review posted to ${replyTo}`;
    return { ...delivered, url, detail };
  } catch (error) {
    return refuse("the review is done", error);
  }
}
