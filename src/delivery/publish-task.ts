import { DeputyError } from "../core/base/error.ts";
import { invariant } from "../core/base/invariant.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import { splitTitle } from "../core/text/title.ts";
import { hasCommit, type Mirrors, readRef } from "../worktree/mirror/mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { branchTip, listNumbered, publishBranch } from "../worktree/publish/publish.ts";
import { publishLfs } from "../worktree/publish/publish-lfs.ts";
import { isAncestor } from "../worktree/read/read-commit.ts";
import { dressedRef } from "./messages/dress-commits.ts";
import { slugify } from "./slugify.ts";

/**
 * A task's branch in the user's repository: `deputy/<its title>`, with a number while that name
 * holds other work. The repository alone says which names are taken: one whose branch is gone is
 * free again. It is recorded when the task completes; until then it is found by its commit, which
 * no other task can have made. A task that delivered before has its branch, and people may have
 * pushed to it.
 */
export type PublishDeps = {
  mirrors: Mirrors;
  authHeader: AuthHeader;
  redact: Redact;
};

/** How often somebody may take a name between the look-up and the push. */
const maxTries = 20;

/** Push the commit to the first name that is free or already holds it. Returns the branch. */
export async function publishTask(deps: PublishDeps, task: Task, commit: string): Promise<string> {
  invariant(task.preparation, "a task that is delivered was prepared");
  const { auth, repository } = await openRepository(deps, task);
  const { baseCommit: base } = task.preparation;
  const mirror = deps.mirrors.at(task.preparation.mirror);
  // Before a branch is looked at: what was lost is no refusal that a person could mend.
  if (!(await hasCommit(mirror, commit)))
    throw new Error(
      `The mirror ${mirror.gitDir} has no commit ${commit}, which is to be delivered.`,
    );
  await publishLfs(mirror, repository, { base, commit, ...auth });
  if (task.branch !== null && (await publishAgain(deps, { ...task, branch: task.branch }, commit)))
    return task.branch;
  const name = branchName(deps, task);
  const tips = await listNumbered(repository, name, auth);
  const held = [...tips].find(([, tip]) => tip === commit)?.[0];
  if (held !== undefined) {
    await publishBranch(mirror, repository, { commit, branch: held, tip: commit, ...auth });
    return held;
  }
  for (let tries = 0; tries < maxTries; tries++) {
    const branch = firstFree(name, tips);
    try {
      await publishBranch(mirror, repository, { commit, branch, tip: null, ...auth });
      return branch;
    } catch (error) {
      // Somebody took the name between the look-up and the push; if nobody did, no name would work.
      const refused = error instanceof DeputyError && error.code === "conflict";
      const tip = refused ? await branchTip(repository, branch, auth) : null;
      if (tip === null) throw error;
      tips.set(branch, tip);
    }
  }
  throw new DeputyError(
    "conflict",
    `${task.repository} got a branch under each name tried, the last of ${maxTries} was ${firstFree(name, tips)}: see what makes branches like ${name} there.`,
  );
}

/** What an unfinished delivery left in the user's repository, or null. */
export async function findPublished(
  deps: PublishDeps,
  task: Task,
): Promise<{ branch: string; commit: string } | null> {
  const { headCommit, preparation } = task;
  if (!preparation || headCommit === null || headCommit === preparation.baseCommit) return null;
  const { auth, repository } = await openRepository(deps, task);
  const tips = await listNumbered(repository, branchName(deps, task), auth);
  const dressed = await readRef(deps.mirrors.at(preparation.mirror), dressedRef(task));
  const found = [...tips].find(([, tip]) => tip === headCommit || tip === dressed);
  return found ? { branch: found[0], commit: found[1] } : null;
}

/**
 * Pushes to the branch of an earlier delivery. False: the commit does not lead on from that delivery,
 * which nobody has touched, so it gets another name. Throws where people pushed what the commit is not
 * built on: a second branch would leave that behind, and its pull request with it.
 */
async function publishAgain(
  deps: PublishDeps,
  task: Task & { branch: string },
  commit: string,
): Promise<boolean> {
  invariant(task.preparation, "a task that is delivered was prepared");
  const { auth, repository } = await openRepository(deps, task);
  const mirror = deps.mirrors.at(task.preparation.mirror);
  const { branch, deliveredCommit } = task;
  const tip = await branchTip(repository, branch, auth);
  const isBuiltOn = async (pushed: string) =>
    (await hasCommit(mirror, pushed)) && (await isAncestor(mirror, pushed, commit));
  if (tip === null || tip === commit || (await isBuiltOn(tip))) {
    await publishBranch(mirror, repository, { commit, branch, tip, ...auth });
    return true;
  }
  if (tip === deliveredCommit) return false;
  throw new DeputyError(
    "conflict",
    `${branch} was moved to ${tip.slice(0, 10)} while the work went on from ${deliveredCommit?.slice(0, 10)}: move it back there (git push --force-with-lease), or merge the two yourself after deputy diff ${task.id}.`,
  );
}

function firstFree(name: string, tips: ReadonlyMap<string, string>): string {
  let branch = name;
  for (let number = 2; tips.has(branch); number++) branch = `${name}-${number}`;
  return branch;
}

async function openRepository(deps: PublishDeps, task: Task) {
  const repository = parseRepository(task.repository);
  const authHeader = await deps.authHeader(repository.url, "write");
  return { repository, auth: authHeader ? { authHeader } : {} };
}

/** `deputy/repair-the-greeting`, or `deputy/acme-app-7-crash-on-an-empty-cart`. */
function branchName({ redact }: PublishDeps, task: Task): string {
  const { about, words } = splitTitle(task, redact);
  const parts = [about, words].flatMap((part) => (part ? [slugify(part)] : []));
  return `deputy/${parts.join("-") || slugify("")}`;
}
