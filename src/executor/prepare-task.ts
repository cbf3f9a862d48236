import { gather } from "../core/gather.ts";
import type { Task } from "../core/task.ts";
import { fetchContent } from "../worktree/fetch-content.ts";
import {
  ensureMirror,
  type FetchedMirror,
  type Mirror,
  pinRef,
  placeMirror,
  resolveBase,
} from "../worktree/mirror.ts";
import { findMergeBase } from "../worktree/read-commit.ts";
import { withSoundMirror } from "../worktree/repair-mirror.ts";
import { parseRepository, type Repository } from "../worktree/repository-url.ts";

/**
 * The first thing that happens to a task: its repository is mirrored and its base commit fixed and
 * pinned, so that whatever happens to the branch meanwhile, every attempt starts from the same code.
 * Tasks for one repository that come together share one look at it: each gets one that began after
 * it asked, so what was pushed before a task was handed in is in its mirror.
 */
export type PreparedBase = {
  mirror: Mirror;
  baseCommit: string;
  baseRef: string;
  /** Where a reviewed commit left the branch that it is to go into: the diff to review starts here. */
  forkCommit: string | null;
  /** What of the base worktrees do not hold as a checkout would, in sentences for people. */
  notes: string[];
};

type Prepare = {
  mirrorRoot: string;
  authHeader: (url: string) => string | null;
  signal: AbortSignal;
};

export async function prepareBase(task: Task, options: Prepare): Promise<PreparedBase> {
  const repository = parseRepository(task.repository);
  const authHeader = options.authHeader(repository.url);
  const repair = { signal: options.signal, ...(authHeader && { authHeader }) };
  const mirror = placeMirror(options.mirrorRoot, repository);
  return withSoundMirror(mirror, repository, repair, () => fixBase(task, repository, options));
}

async function fixBase(
  task: Task,
  repository: Repository,
  options: Prepare,
): Promise<PreparedBase> {
  const looked = await lookTogether(repository, options);
  const mirror = await askForCommit(looked, repository, task.base, options);
  const base = await resolveBase(mirror, task.base);
  await pinRef(mirror, `base/${task.id}`, base.commit);
  const forkCommit = task.expectsChange ? null : await findFork(mirror, task, base.commit);
  const { authHeader, signal } = options;
  const content = { authHeader, signal, mayAsk: task.expectsChange };
  const notes = await fetchContent(mirror, repository, base.commit, content);
  return { mirror, baseCommit: base.commit, baseRef: base.ref, forkCommit, notes };
}

/** What the change is to go into may be gone by now; then it is what the repository is at. */
async function findFork(
  mirror: FetchedMirror,
  task: Task,
  reviewed: string,
): Promise<string | null> {
  const { reviewedAgainst } = task.origin;
  const known = reviewedAgainst && (await resolveBase(mirror, reviewedAgainst).catch(() => null));
  const against = known ? known.commit : mirror.head?.commit;
  return against ? findMergeBase(mirror, against, reviewed) : null;
}

/**
 * A commit that no branch or tag holds, as the head of a pull request from a fork, is there only when
 * it is asked for by name. What cannot be had is said by whoever looks for it in the mirror.
 */
async function askForCommit(
  mirror: FetchedMirror,
  repository: Repository,
  base: string | null,
  options: Prepare,
): Promise<FetchedMirror> {
  if (base === null || !/^[0-9a-f]{40}$/.test(base)) return mirror;
  const known = await resolveBase(mirror, base).catch(() => null); // not there yet
  if (known) return mirror;
  const { authHeader, mirrorRoot, signal } = options;
  const header = authHeader(repository.url);
  return ensureMirror(mirrorRoot, repository, {
    ...(header ? { authHeader: header } : {}),
    signal,
    want: base,
  });
}

const looks = new Map<string, (options: Prepare) => Promise<FetchedMirror>>();

async function lookTogether(repository: Repository, options: Prepare): Promise<FetchedMirror> {
  const key = `${options.mirrorRoot}\n${repository.url}`;
  let look = looks.get(key);
  if (!look) {
    look = gather(async (asked) => {
      const authHeader = options.authHeader(repository.url);
      const mirror = await ensureMirror(options.mirrorRoot, repository, {
        ...(authHeader ? { authHeader } : {}),
        signal: onceAllAborted(asked.map(({ signal }) => signal)),
      });
      return asked.map(() => mirror);
    }, 1_000);
    looks.set(key, look);
  }
  const { signal } = options;
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([look(options), aborted]);
}

/** Aborted when nobody waits any more: one cancelled task does not end the fetch of the others. */
function onceAllAborted(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  const look = () => {
    const last = signals.findLast(({ aborted }) => aborted);
    if (last && signals.every(({ aborted }) => aborted)) controller.abort(last.reason);
  };
  for (const signal of signals) signal.addEventListener("abort", look, { once: true });
  look();
  return controller.signal;
}
