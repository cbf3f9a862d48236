import type { Sparse } from "../../core/settings/sparse.ts";
import { pinRef } from "../mirror/mirror.ts";
import type { Mirror } from "../mirror/open-mirror.ts";
import { snapshotWorktree } from "./snapshot.ts";
import { formCommit, hashObject, writeObject } from "./write-object.ts";

/**
 * Recreates an attempt's commit, lost with the mirror, from its worktree if that still holds the
 * same files. A commit's id is the hash of its tree, parent, message and second, so the seconds in
 * which it may have been made are tried until the id matches.
 */
export async function remakeCommit(
  mirror: Mirror,
  options: {
    path: string;
    commit: string;
    parent: string;
    message: string;
    ref: string;
    from: Date;
    until: Date;
    sparse: Sparse | null;
  },
): Promise<boolean> {
  const { path, commit, parent, message, ref, from, until, sparse } = options;
  const { tree } = await snapshotWorktree(mirror, path, { parent, message, sparse });
  for (let at = until.getTime(); at >= from.getTime() - 1_000; at -= 1_000) {
    const content = formCommit({ tree, parent, message }, new Date(at));
    if (hashObject("commit", content) !== commit) continue;
    await writeObject(mirror, "commit", content);
    await pinRef(mirror, ref, commit);
    return true;
  }
  return false;
}
