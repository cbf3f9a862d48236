import { existsSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { removeTree } from "../../sandbox/files/remove-tree.ts";
import { writeSparse } from "../checkout/sparse.ts";
import { adoptWorktree } from "../checkout/worktree.ts";
import { GitFailure } from "../git/git-failure.ts";
import { withRepositoryLock } from "../git/repository-lock.ts";
import { type FetchOptions, fetchAll } from "./fetch-source.ts";
import {
  draftMirror,
  draftPrefix,
  isWhole,
  lfsStore,
  type Mirror,
  openMirror,
  usesLfs,
} from "./open-mirror.ts";
import { canBePartial, isPartial, makePartial, makeWhole } from "./partial-mirror.ts";
import type { Repository } from "./repository-url.ts";
import { type KnownWorktree, salvage } from "./salvage-mirror.ts";
import { findIn } from "./source-repository.ts";

/**
 * A mirror can be deleted, cut in half or corrupted while tasks use it. All of it can be recovered:
 * the source has the user's commits, the worktrees have their files, and the readable part of the
 * broken mirror has our own refs. So a new mirror is built next to the broken one and takes its
 * place by a rename; the broken one is kept for as long as snapshots are (`removeSetAside`).
 */
export type RepairOptions = Omit<FetchOptions, "want"> & {
  /** A commit to fetch as well, even if no branch of the source holds it any more. */
  want?: string | undefined;
  /** Fills the new mirror with what its commits do not hold (fetch-content.ts). */
  fill?: (draft: Mirror) => Promise<unknown>;
};

/** Creates a missing or incomplete mirror; it appears whole, with all of the source in it. */
export async function makeMirror(
  mirror: Mirror,
  repository: Repository,
  options: RepairOptions,
): Promise<void> {
  await replace(mirror, repository, options, async () => isWhole(mirror));
}

/**
 * Runs `work` on a mirror. When it fails because the mirror is broken, the mirror is recreated and
 * `work` runs a second time: it must find out itself what it had done. Throws any other error.
 */
export async function withSoundMirror<T>(
  mirror: Mirror,
  repository: Repository,
  options: RepairOptions,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    if (!isWhole(mirror)) await makeMirror(mirror, repository, options);
    else if (!mayBeDamage(error) || !(await isDamaged(mirror))) throw error;
    // Another task may have replaced it while this one waited for the lock.
    else await replace(mirror, repository, options, async () => !(await isDamaged(mirror)));
    return work();
  }
}

/** Whether git's error justifies a full check. */
function mayBeDamage(error: unknown): boolean {
  if (!(error instanceof GitFailure || error instanceof DeputyError)) return false;
  return signsOfDamage.test(error instanceof GitFailure ? error.stderr : error.message);
}

const crash = /ended by SIGSEGV/;
const signsOfDamage =
  /not a git repository|bad (object|ref|tree)|broken|unable to read|could not parse|nonexistent object|missing (blob|tree|commit|object)|corrupt|packfile|loose object|inflate|invalid (object|sha1)|not a valid object|unknown revision|unpack|invalid reference|is no tree|necessary objects|valid (object|commit|branch point)|single revision|could not get object|bad file|not a tree object|something we can merge|ended by SIGSEGV|unable to parse object|does not exist in/i;

/**
 * Reads the whole mirror. Odd contents of old commits are no damage. Git looks in what was promised
 * for what it cannot read, so where just that cannot be read it calls itself until it crashes.
 */
async function isDamaged(mirror: Mirror): Promise<boolean> {
  const check = ["fsck", "--no-dangling", "--no-progress"];
  const answer = await openMirror(mirror)
    .ask(check)
    .catch((error: unknown) => {
      if (error instanceof GitFailure && crash.test(error.stderr)) return null;
      throw error;
    });
  if (answer === null) return true;
  const { exitCode, stdout, stderr } = answer;
  const said = `${stdout.toString("utf8")}\n${stderr}`;
  return (
    (exitCode & ~1) !== 0 ||
    /\bcorrupt|^missing |unable to|could not|cannot|invalid sha1/im.test(said)
  );
}

async function replace(
  mirror: Mirror,
  repository: Repository,
  { want, fill, ...options }: RepairOptions,
  isSound: () => Promise<boolean>,
): Promise<void> {
  let known: KnownWorktree[] = [];
  const update = async () => {
    if (await isSound()) return;
    const draft = await draftMirror(mirror);
    try {
      if (await shallBePartial(mirror, repository)) await makePartial(draft, repository);
      if (!(await fetchAll(draft, repository, options))) await makeWhole(draft);
      if (want !== undefined && (await findIn(openMirror(draft), want)) === null)
        // If no repository has it any more, the task that needs it reports that.
        await fetchAll(draft, repository, { ...options, want }).catch(() => {});
      if (existsSync(mirror.gitDir)) {
        known = await salvage(mirror, draft);
        // Agents work on, and are snapshotted, from the moment at which it has its place.
        for (const { path, sparse } of known) if (sparse) writeSparse(draft, path, sparse);
        // Objects are named by their content, so they are still valid.
        if (usesLfs(mirror)) await rename(lfsStore(mirror), lfsStore(draft));
      }
      await fill?.(draft);
      if (existsSync(mirror.gitDir)) {
        const aside = `${asidePrefix}${Date.now()}-${basename(mirror.gitDir)}`;
        await rename(mirror.gitDir, join(dirname(mirror.gitDir), aside));
      }
      await rename(draft.gitDir, mirror.gitDir);
    } catch (error) {
      if (usesLfs(draft) && existsSync(mirror.gitDir) && !usesLfs(mirror))
        await rename(lfsStore(draft), lfsStore(mirror));
      await rm(draft.gitDir, { recursive: true, force: true });
      throw error;
    }
  };
  await withRepositoryLock(mirror, mirror.gitDir, update, options.signal);
  for (const { path, commit, sparse } of known) await adoptWorktree(mirror, path, commit, sparse);
}

/** A mirror stays what it is; a new one is partial where that is wanted and possible. */
async function shallBePartial(mirror: Mirror, repository: Repository): Promise<boolean> {
  if (isPartial(mirror) || isWhole(mirror)) return isPartial(mirror);
  return mirror.wantsPartial(repository.url) && (await canBePartial());
}

const asidePrefix = ".broken-";

const dayMs = 24 * 60 * 60_000;

/** Removes broken mirrors that were set aside before this time, and abandoned drafts. */
export async function removeSetAside(root: string, before: Date): Promise<number> {
  let removed = 0;
  // Without the folder no mirror was ever made.
  for (const name of await readdir(root).catch(() => [])) {
    if (!name.startsWith(asidePrefix) && !name.startsWith(draftPrefix)) continue;
    const { ctimeMs } = await stat(join(root, name)); // a rename counts, too
    if (ctimeMs > (name.startsWith(draftPrefix) ? Date.now() - dayMs : before.getTime())) continue;
    // Its bin may hold an agent's folders without write permission.
    await removeTree(join(root, name));
    removed++;
  }
  return removed;
}
