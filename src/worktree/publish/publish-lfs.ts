import { DeputyError } from "../../core/base/error.ts";
import { copyLfsObject, explainLfs, findUserStore } from "../content/fetch-lfs.ts";
import { findLfsRemote } from "../content/lfs-endpoint.ts";
import { hasLfsObject, type LfsPointer, readPointers } from "../content/lfs-pointer.ts";
import { lfsStore, type Mirror, openMirror, usesLfs } from "../mirror/open-mirror.ts";
import type { Repository } from "../mirror/repository-url.ts";
import { openTransport } from "../mirror/transport.ts";

/**
 * Publishes the contents that new commits point to before the commits themselves: into the store of
 * the user's checkout, or to the remote's Git LFS.
 */
export async function publishLfs(
  mirror: Mirror,
  repository: Repository,
  { base, commit, authHeader, signal }: PublishLfs,
): Promise<void> {
  if (!usesLfs(mirror)) return;
  const pointers = await findNewPointers(mirror, base, commit);
  if (pointers.length === 0) return;
  if (repository.kind === "local") {
    const store = await findUserStore(repository);
    for (const pointer of pointers) await copyLfsObject(lfsStore(mirror), store, pointer);
    return;
  }
  const remote = await findLfsRemote(mirror, repository, base);
  if (remote === null || typeof remote === "string") {
    throw new DeputyError("unprocessable", `${remote ?? "There is no remote for Git LFS"}.`);
  }
  const git = openTransport(repository, {
    gitDir: mirror.gitDir,
    authHeader,
    config: remote.config,
  });
  for (let from = 0; from < pointers.length; from += atOnce) {
    const oids = pointers.slice(from, from + atOnce).map(({ oid }) => oid);
    const args = ["lfs", "push", "--object-id", remote.url, ...oids];
    const { exitCode, stderr } = await git.ask(args, signal ? { signal } : {});
    if (exitCode === 0) continue;
    const isOurs = /authori[sz]|authentication|credentials|\b4\d\d\b|permission denied/i;
    throw new DeputyError(
      isOurs.test(stderr) ? "unprocessable" : "unavailable",
      `The Git LFS of ${repository.url} does not take ${oids.length} objects of this work: ${explainLfs(stderr)}.`,
    );
  }
}

export type PublishLfs = {
  /** The task's base: its content is there already, and its `.lfsconfig` is the one that counts. */
  base: string;
  commit: string;
  authHeader?: string | undefined;
  signal?: AbortSignal | undefined;
};

const atOnce = 100;

/** Every object that a commit since the base points to, and that we hold. */
async function findNewPointers(
  mirror: Mirror,
  base: string,
  commit: string,
): Promise<LfsPointer[]> {
  // What a partial mirror lacks is not ours.
  const how = ["--objects", "--no-object-names", "--missing=allow-promisor"];
  const args = ["rev-list", ...how, commit, `^${base}`];
  const ids = (await openMirror(mirror).run(args)).split("\n").filter(Boolean);
  const found = await readPointers(mirror, ids);
  const byOid = new Map([...found.values()].map((pointer) => [pointer.oid, pointer]));
  const held: LfsPointer[] = [];
  for (const pointer of byOid.values())
    if (await hasLfsObject(lfsStore(mirror), pointer)) held.push(pointer);
  return held;
}
