import { DeputyError } from "../core/base/error.ts";
import { gather } from "../core/base/gather.ts";
import { forgeKinds } from "../core/forge/place.ts";
import type { Task } from "../core/task/task.ts";
import { noteCheckout } from "../worktree/checkout/describe-checkout.ts";
import { commitUncommitted } from "../worktree/commits/commit-uncommitted.ts";
import { fetchContent } from "../worktree/content/fetch-content.ts";
import {
  ensureMirror,
  type FetchedMirror,
  hasCommit,
  type Mirror,
  type Mirrors,
  pinRef,
  placeMirror,
  resolveBase,
} from "../worktree/mirror/mirror.ts";
import { explainWhole } from "../worktree/mirror/partial-mirror.ts";
import { withSoundMirror } from "../worktree/mirror/repair-mirror.ts";
import { parseRepository, type Repository } from "../worktree/mirror/repository-url.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";
import { findMergeBase } from "../worktree/read/read-commit.ts";

/**
 * The first step of a task: its repository is mirrored and its base commit is resolved and pinned,
 * so that every attempt starts from the same code whatever happens to the branch. Tasks for one
 * repository that arrive together share a fetch: each gets one that started after its request, so
 * everything pushed before the task was submitted is in its mirror.
 */
export type PreparedBase = {
  mirror: Mirror;
  baseCommit: string;
  baseRef: string;
  /** Where a reviewed commit forked from its target branch: the diff to review starts here. */
  forkCommit: string | null;
  /** How worktrees of this base differ from an ordinary checkout, in sentences for people. */
  notes: string[];
};

/** Prepare one task; rejects when the signal is aborted. */
export type PrepareBase = (task: Task, signal: AbortSignal) => Promise<PreparedBase>;

type Deps = { mirrors: Mirrors; authHeader: AuthHeader };
type Options = Deps & { signal: AbortSignal; lookAt: LookAt };
type LookAt = (repository: Repository, signal: AbortSignal) => Promise<FetchedMirror>;

export function makePrepareBase(deps: Deps): PrepareBase {
  const lookAt = shareLooks(deps);
  return async (task, signal) => {
    const repository = parseRepository(task.repository);
    const authHeader = await deps.authHeader(repository.url);
    const repair = { signal, ...(authHeader && { authHeader }) };
    const mirror = placeMirror(deps.mirrors, repository);
    return withSoundMirror(mirror, repository, repair, () =>
      fixBase(task, repository, { ...deps, signal, lookAt }),
    );
  };
}

async function fixBase(
  task: Task,
  repository: Repository,
  options: Options,
): Promise<PreparedBase> {
  const looked = await options.lookAt(repository, options.signal);
  const find = async () => {
    const mirror = await askForCommit(looked, repository, task.base, options);
    return { mirror, head: await resolveBase(mirror, task.base) };
  };
  const { head, mirror } = await find().catch((error) => {
    const isMissing = error instanceof DeputyError && error.code === "unprocessable";
    throw isMissing && isAnnounced(task) ? notYetThere(task) : error;
  });
  const base = { ...head, commit: await addUncommitted(mirror, repository, task, head.commit) };
  await pinRef(mirror, `base/${task.id}`, base.commit);
  const forkCommit = task.expectsChange ? null : await findFork(mirror, task, base.commit);
  const { authHeader, signal } = options;
  const content = { authHeader, signal, mayAsk: task.expectsChange };
  const [ofContent, ofCheckout] = await Promise.all([
    fetchContent(mirror, repository, base.commit, content),
    task.expectsChange ? noteCheckout(mirror, repository, head, { base: base.commit, signal }) : [],
  ]);
  const notes = [...explainWhole(mirror, repository), ...ofContent, ...ofCheckout];
  return { mirror, baseCommit: base.commit, baseRef: base.ref, forkCommit, notes };
}

/**
 * The base with what the checkout has not committed, for a task that takes it along: as it is now, or
 * as it was when a watch saw it.
 */
async function addUncommitted(
  mirror: Mirror,
  repository: Repository,
  { id, includeUncommitted, origin }: Task,
  head: string,
): Promise<string> {
  if (!includeUncommitted) return head;
  const { snapshot } = origin;
  if (snapshot !== undefined) {
    if (await hasCommit(mirror, snapshot)) return snapshot;
    throw new DeputyError(
      "unprocessable",
      `The snapshot ${snapshot.slice(0, 10)} of ${repository.url} is gone with the mirror that held it: hand the task in again, or change a watched file.`,
      { field: "include_uncommitted" },
    );
  }
  return commitUncommitted(mirror, repository.url, { head, name: `uncommitted/${id}` });
}

/** A forge tells of a commit before each of its servers has it. */
function isAnnounced({ base, origin }: Task): boolean {
  const isOfForge = forgeKinds.some((kind) => kind === origin.source);
  return isOfForge && base !== null && /^[0-9a-f]{40}$/.test(base);
}

/** The stage is run again for half an hour. */
function notYetThere({ base, repository }: Task): DeputyError {
  return new DeputyError(
    "unavailable",
    `The forge told of the commit ${base}, which cannot be fetched from ${repository} yet; it may have been replaced there meanwhile.`,
  );
}

/** If the target branch is gone, the fork point is taken from the repository's HEAD. */
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
 * A commit on no branch or tag, such as the head of a fork's pull request, is fetched only by name.
 * If it cannot be fetched, resolving it in the mirror reports that.
 */
async function askForCommit(
  mirror: FetchedMirror,
  repository: Repository,
  base: string | null,
  options: Options,
): Promise<FetchedMirror> {
  if (base === null || !/^[0-9a-f]{40}$/.test(base)) return mirror;
  const known = await resolveBase(mirror, base).catch(() => null); // not there yet
  if (known) return mirror;
  const { authHeader, mirrors, signal } = options;
  const header = await authHeader(repository.url);
  return ensureMirror(mirrors, repository, {
    ...(header ? { authHeader: header } : {}),
    signal,
    want: base,
  });
}

/** One fetch of a repository for all tasks that wait for it; see the top of the file. */
function shareLooks({ mirrors, authHeader }: Deps): LookAt {
  const looks = new Map<string, (signal: AbortSignal) => Promise<FetchedMirror>>();
  const lookFor = (repository: Repository) =>
    gather(async (signals: AbortSignal[]) => {
      const header = await authHeader(repository.url);
      const mirror = await ensureMirror(mirrors, repository, {
        ...(header ? { authHeader: header } : {}),
        signal: onceAllAborted(signals),
      });
      return signals.map(() => mirror);
    }, maxLooks);
  return (repository, signal) => {
    const look = looks.get(repository.url) ?? lookFor(repository);
    looks.set(repository.url, look);
    const aborted = new Promise<never>((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    return Promise.race([look(signal), aborted]);
  };
}

const maxLooks = 1_000;

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
