import type { Finding } from "../../core/proof/verdict.ts";
import { findFilters } from "../../worktree/content/content-filters.ts";
import { hasLfsObject, listBlobsAt, readPointers } from "../../worktree/content/lfs-pointer.ts";
import { lfsStore, type Mirror } from "../../worktree/mirror/open-mirror.ts";
import type { Change } from "../../worktree/read/diff.ts";
import { listSome } from "./list-some.ts";

/**
 * Finds changed files whose blobs are not what their filter would have made: a Git LFS file that is
 * committed whole or points to missing content, and any file under a filter that Deputy does not
 * run. It examines the commit, not what should have run. A change of `.gitattributes` moves files
 * to another filter, or none, without changing their blobs; they count as changed.
 */
export async function findUnfiltered(
  mirror: Mirror,
  baseCommit: string,
  commit: string,
  changes: readonly Change[],
): Promise<Finding[]> {
  const [before, now] = await Promise.all([
    findFilters(mirror, baseCommit),
    findFilters(mirror, commit),
  ]);
  const filterOf = (path: string) => now.get(path) ?? before.get(path);
  const changed = changes.filter(({ status }) => status !== "deleted").map(({ path }) => path);
  const filtered = [...new Set([...before.keys(), ...now.keys()])];
  const moved = filtered.filter((path) => before.get(path) !== now.get(path));
  const paths = [...new Set([...changed, ...moved])].filter((path) => filterOf(path));
  if (paths.length === 0) return [];
  const blobs = await listBlobsAt(mirror, commit, paths);
  const pointers = await readPointers(mirror, [...new Set(blobs.values())]);
  const bad = new Map<string, string[]>();
  for (const [path, blob] of blobs) {
    const name = filterOf(path) ?? "";
    const pointer = pointers.get(blob);
    const isKept =
      blob === emptyBlob ||
      (now.has(path) && pointer && (await hasLfsObject(lfsStore(mirror), pointer)));
    if (name !== "lfs" || !isKept) bad.set(name, [...(bad.get(name) ?? []), path]);
  }
  return [...bad].map(([name, some]) => ({
    rule: "unfiltered_content",
    blocking: true,
    message:
      name === "lfs"
        ? `${listSome(some)}: falls under Git LFS, and is committed without its content in Git LFS; a change of .gitattributes counts, too`
        : `${listSome(some)}: falls under the filter "${name}" (.gitattributes), which Deputy does not run, so it would be committed as it is in the worktree; leave it as it was`,
    paths: some,
  }));
}

/** Git LFS leaves an empty file as it is. */
const emptyBlob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
