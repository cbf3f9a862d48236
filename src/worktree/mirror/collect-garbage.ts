import { withRepositoryLock } from "../git/repository-lock.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";

/**
 * Packs a mirror, and deletes objects that have been unreferenced for a while; git never does this
 * here by itself. The grace is git's own two weeks and not "now": an object may be referenced a
 * moment after it was written. Holds the repository's lock: a fetch may reuse an old object.
 */
export async function collectGarbage(mirror: Mirror, signal: AbortSignal): Promise<void> {
  await withRepositoryLock(
    mirror,
    mirror.gitDir,
    () =>
      openMirror(mirror).run(
        ["-c", "pack.threads=1", "gc", "--quiet", "--cruft", `--prune=${grace}`],
        { signal },
      ),
    signal,
  );
}

const grace = "2.weeks.ago";

/**
 * Packs the loose objects and small packs of a mirror in use. Deletes no object, referenced or not,
 * and waits for no lock: each object of a deleted file is in a new pack by then, where every git
 * finds it. Unreferenced objects go when `collectGarbage` finds the mirror idle.
 */
export async function packObjects(mirror: Mirror, signal: AbortSignal): Promise<void> {
  await openMirror(mirror).run(
    ["-c", "pack.threads=1", "repack", "--quiet", "-d", "--geometric=2"],
    { signal },
  );
}
