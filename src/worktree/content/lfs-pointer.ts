import { stat } from "node:fs/promises";
import { join } from "node:path";
import { GitFailure } from "../git/git-failure.ts";
import { fetchMissing } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/** A file under Git LFS as committed: a few lines that name its content by hash and size. */
export type LfsPointer = { oid: string; size: number };

/** As for git-lfs, longer blobs are no pointers. */
const maxPointerBytes = 1024;

export function parsePointer(text: string): LfsPointer | null {
  if (text.length >= maxPointerBytes) return null;
  if (!/^version https:\/\/(git-lfs\.github\.com|hawser\.github\.com)\/spec\/v1\n/.test(text)) {
    return null;
  }
  const oid = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
  const size = /^size (\d{1,15})$/m.exec(text)?.[1];
  return oid && size ? { oid, size: Number(size) } : null;
}

/** The pointers among these blobs, by the blob's id. */
export async function readPointers(
  mirror: Mirror,
  blobs: readonly string[],
): Promise<Map<string, LfsPointer>> {
  await fetchMissing(mirror, blobs);
  const git = openMirror(mirror);
  const batch = async (how: string[], ids: readonly string[]): Promise<Buffer> => {
    const args = ["cat-file", ...how];
    const input = ids.map((id) => `${id}\n`).join("");
    const { exitCode, stdout, stderr } = await git.ask(args, { input });
    if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
    return stdout;
  };
  const sizes = await batch(["--batch-check=%(objectname) %(objecttype) %(objectsize)"], blobs);
  const small = sizes
    .toString("utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, type, size]) => type === "blob" && Number(size) < maxPointerBytes)
    .map(([id = ""]) => id);
  const pointers = new Map<string, LfsPointer>();
  if (small.length === 0) return pointers;
  const contents = await batch(["--batch"], small);
  for (let at = 0; at < contents.length; ) {
    const end = contents.indexOf("\n", at);
    const [id = "", , size] = contents.toString("utf8", at, end).split(" ");
    const pointer = parsePointer(contents.toString("utf8", end + 1, end + 1 + Number(size)));
    if (pointer) pointers.set(id, pointer);
    at = end + 1 + Number(size) + 1;
  }
  return pointers;
}

/** The path of an object in a store of Git LFS. */
export function lfsObjectPath(store: string, { oid }: LfsPointer): string {
  return join(store, "objects", oid.slice(0, 2), oid.slice(2, 4), oid);
}

/** Whether a store holds the object whole. */
export async function hasLfsObject(store: string, pointer: LfsPointer): Promise<boolean> {
  const stats = await stat(lfsObjectPath(store, pointer)).catch(() => null); // not there
  return stats?.size === pointer.size;
}

/** The blob id of each of these paths at a commit, without those that are no regular file. */
export async function listBlobsAt(
  mirror: Mirror,
  commit: string,
  paths: readonly string[],
): Promise<Map<string, string>> {
  const wanted = new Set(paths);
  const lines = await openMirror(mirror).run(["ls-tree", "-r", "-z", "--full-tree", commit]);
  const blobs = new Map<string, string>();
  for (const line of lines.split("\0")) {
    const [, id] = /^100\d{3} blob ([0-9a-f]+)\t/.exec(line) ?? [];
    const path = line.slice(line.indexOf("\t") + 1);
    if (id && wanted.has(path)) blobs.set(path, id);
  }
  return blobs;
}

/** Whether the machine has Git LFS. */
export async function hasGitLfs(mirror: Mirror): Promise<boolean> {
  return (await openMirror(mirror).ask(["lfs", "version"])).exitCode === 0;
}
