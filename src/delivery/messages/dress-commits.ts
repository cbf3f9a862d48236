import { invariant } from "../../core/base/invariant.ts";
import type { CommitSettings } from "../../core/settings/commit-settings.ts";
import type { Task } from "../../core/task/task.ts";
import {
  type Convention,
  commitlintFiles,
  readCommitlint,
  readHistory,
} from "../../core/text/convention.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import type { Redact } from "../../core/text/redact.ts";
import { splitTitle } from "../../core/text/title.ts";
import type { Db } from "../../store/database/schema.ts";
import { listSubtasks } from "../../store/tasks/tasks.ts";
import {
  type BranchCommit,
  readCommits,
  rewriteCommits,
} from "../../worktree/commits/rewrite-commits.ts";
import { openSigning } from "../../worktree/commits/signing.ts";
import { deputyIdentity } from "../../worktree/git/git-environment.ts";
import {
  hasCommit,
  type Mirror,
  type Mirrors,
  pinRef,
  readRef,
} from "../../worktree/mirror/mirror.ts";
import { parseRepository } from "../../worktree/mirror/repository-url.ts";
import { listChanges } from "../../worktree/read/diff.ts";
import { listSubjects, readMessage } from "../../worktree/read/list-commits.ts";
import { listFilesAt, readFileAt } from "../../worktree/read/read-commit.ts";
import { pushedRef } from "../adopt-pushed.ts";
import { composeMessage, type MessageParts } from "./compose-message.ts";
import { findHook, type RunHook, tryMessages } from "./try-messages.ts";

/**
 * Gives the commits of a task branch the author, the message and the signature that its repository
 * wants, when they are delivered. Until then they are Deputy's own, by which everything about them is
 * found again; what is verified are their trees, and those stay. What was delivered before stays too,
 * and what people pushed on top of it.
 */
export type DressDeps = {
  db: Db;
  mirrors: Mirrors;
  redact: Redact;
  commits: (repository: string) => CommitSettings;
};

/** Where the mirror keeps the commits of a delivery, also one that was cut short. */
export function dressedRef({ id }: Pick<Task, "id">): string {
  return `delivered/${id}`;
}

/**
 * Returns the commit to deliver in place of `head`, and what a person should know of its messages.
 * Rejects with a DeputyError if it cannot be signed.
 */
export async function dressCommits(
  deps: DressDeps,
  task: Task,
  head: string,
  runHook: RunHook,
): Promise<{ commit: string; note: string | null }> {
  invariant(task.preparation, "a task that is delivered was prepared");
  const { baseCommit: base } = task.preparation;
  const mirror = deps.mirrors.at(task.preparation.mirror);
  const settings = deps.commits(task.repository);
  const since = async (tip: string | null) =>
    tip !== null && (await hasCommit(mirror, tip)) ? readCommits(mirror, base, tip) : [];
  const [commits, delivered, pushed, made, convention] = await Promise.all([
    readCommits(mirror, base, head),
    since(task.deliveredCommit),
    readRef(mirror, pushedRef(task)).then(since),
    readRef(mirror, dressedRef(task)).then(since),
    findConvention(mirror, base),
  ]);
  const parts = (await listSubtasks(deps.db, task.id)).filter(
    ({ state }) => state !== "superseded",
  );
  const { about, words } = splitTitle(task, deps.redact);
  const isNamed = about !== null && words !== "" && parts.length === 1;
  const author = settings.author ?? deputyIdentity;
  const committer = settings.committer ?? author;
  const isPlain =
    convention === null &&
    !isNamed &&
    settings.message === null &&
    settings.coAuthors.length === 0 &&
    !settings.signOff;
  const writeMessage = async (commit: BranchCommit, wording: Wording): Promise<string> => {
    if (isPlain && wording === wanted) return commit.message;
    const [parent = base] = commit.parents;
    const changes = await listChanges(mirror, parent, commit.id);
    return composeMessage({
      written: commit.message,
      isMerge: commit.parents.length > 1,
      title: isNamed ? makeInert(words) : null,
      taskId: task.id,
      issue: about,
      files: changes.map(({ path }) => path),
      ...{ settings, committer, ...wording },
    });
  };
  const stays = new Set([...delivered, ...pushed].map(({ id }) => id));
  const fresh = commits.filter(({ id }) => !stays.has(id));
  const wanted: Wording = { convention, withBody: true };
  const hook = fresh.length > 0 ? await findHook(mirror, base, task) : null;
  const isFree = hook !== null && settings.message === null;
  const wordings = isFree ? [wanted, ...otherWordings(convention)] : [wanted];
  const styles = await Promise.all(
    wordings.map((wording) => Promise.all(fresh.map((commit) => writeMessage(commit, wording)))),
  );
  const tried = hook
    ? await tryMessages(
        mirror,
        hook,
        { base, before: await readMessage(mirror, base), styles },
        runHook,
      )
    : { style: 0, note: null };
  const messages = new Map(fresh.map(({ id }, at) => [id, styles[tried.style]?.[at] ?? ""]));
  const signing = settings.sign ? await openSigning(parseRepository(task.repository)) : null;
  const dressed = await rewriteCommits(
    mirror,
    commits,
    { delivered: [...delivered, ...pushed], made },
    async ({ id, message }) => ({ author, committer, message: messages.get(id) ?? message }),
    signing,
  );
  if (dressed !== head) await pinRef(mirror, dressedRef(task), dressed);
  return { commit: dressed, note: tried.note };
}

type Wording = Pick<MessageParts, "convention" | "withBody">;

/** What a hook may take that refuses the wanted wording. */
function otherWordings(convention: Convention | null): Wording[] {
  const short = { types: convention?.types ?? null, maxHeader: 72, source: "its hook" };
  return [true, false].map((withBody) => ({ convention: short, withBody }));
}

/** By the base commit: what an agent writes decides nothing. */
async function findConvention(mirror: Mirror, base: string): Promise<Convention | null> {
  const files = new Set(await listFilesAt(mirror, base));
  for (const file of commitlintFiles) {
    const text = files.has(file) ? await readFileAt(mirror, base, file) : null;
    const found = text === null ? null : readCommitlint(file, text);
    if (found) return found;
  }
  return readHistory(await listSubjects(mirror, base, 10));
}
