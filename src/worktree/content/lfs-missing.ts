import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { lfsStore, type Mirror, usesLfs } from "../mirror/open-mirror.ts";
import { findFilters } from "./content-filters.ts";
import {
  hasLfsObject,
  type LfsPointer,
  lfsObjectPath,
  listBlobsAt,
  readPointers,
} from "./lfs-pointer.ts";

/** The files of a commit under Git LFS whose content the mirror does not hold, by path. */
export async function findMissingLfs(
  mirror: Mirror,
  commit: string,
): Promise<Map<string, LfsPointer>> {
  const filters = await findFilters(mirror, commit);
  const paths = [...filters].filter(([, name]) => name === "lfs").map(([path]) => path);
  const missing = new Map<string, LfsPointer>();
  if (paths.length === 0) return missing;
  const blobs = await listBlobsAt(mirror, commit, paths);
  const pointers = await readPointers(mirror, [...new Set(blobs.values())]);
  for (const [path, id] of blobs) {
    const pointer = pointers.get(id);
    if (pointer && !(await hasLfsObject(lfsStore(mirror), pointer))) missing.set(path, pointer);
  }
  return missing;
}

/**
 * git-lfs creates the folder of an object before it finds the object missing, and fails where it
 * cannot: a checkout cannot write to the mirror. With the folder it leaves the pointer.
 */
export async function allowMissingLfs(mirror: Mirror, commit: string): Promise<void> {
  if (!usesLfs(mirror)) return;
  for (const pointer of (await findMissingLfs(mirror, commit)).values())
    await mkdir(dirname(lfsObjectPath(lfsStore(mirror), pointer)), { recursive: true });
}
