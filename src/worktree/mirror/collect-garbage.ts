import { withRepositoryLock } from "../git/repository-lock.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";
import { isPartial } from "./partial-mirror.ts";

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
        [
          "-c",
          "pack.threads=1",
          ...noBitmaps(mirror),
          "gc",
          "--quiet",
          "--cruft",
          `--prune=${grace}`,
        ],
        { signal },
      ),
    signal,
  );
}

const grace = "2.weeks.ago";

/** A bitmap needs every object, and git fails without one. */
const noBitmaps = (mirror: Mirror) =>
  isPartial(mirror) ? ["-c", "repack.writeBitmaps=false"] : [];

/**
 * Packs the refs, loose objects and small packs of a mirror in use. Deletes no ref and no object,
 * referenced or not: what a deleted file held is in a pack by then, where every git finds it.
 * Unreferenced objects go when `collectGarbage` finds the mirror idle. The repository's lock is held
 * for the refs alone, which takes milliseconds: a fetch and a deletion of refs rewrite the same file.
 */
export async function packMirror(mirror: Mirror, signal: AbortSignal): Promise<void> {
  const git = openMirror(mirror);
  const packRefs = () => git.run(["pack-refs", "--all"], { signal });
  await withRepositoryLock(mirror, mirror.gitDir, packRefs, signal);
  // By size git packs what was fetched from a promisor as if it were ours, or refuses to.
  const how = isPartial(mirror) ? [] : ["--geometric=2"];
  await git.run(["-c", "pack.threads=1", "repack", "--quiet", "-d", "-n", ...how], { signal });
}
