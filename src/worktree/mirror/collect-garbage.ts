import { withRepositoryLock } from "../git/repository-lock.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";

/**
 * Pack a mirror, and let go of objects that nothing has referred to for a while. Git never does this
 * here by itself. The grace is git's own two weeks and not "now": an object may have been written a
 * moment ago and be referred to a moment later. Under the repository's lock, because a fetch may find
 * an old object useful again.
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
 * Pack what lies loose in a mirror on which somebody works, and small packs with it. Nothing is let
 * go of, referred to or not, and nothing is waited for: of the files that it removes each object is in
 * a new pack by then, where every git that looks for it finds it. What nothing refers to goes when
 * `collectGarbage` finds the mirror quiet.
 */
export async function packObjects(mirror: Mirror, signal: AbortSignal): Promise<void> {
  await openMirror(mirror).run(
    ["-c", "pack.threads=1", "repack", "--quiet", "-d", "--geometric=2"],
    { signal },
  );
}
