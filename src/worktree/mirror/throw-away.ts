import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../../sandbox/files/remove-tree.ts";
import type { Mirror } from "./open-mirror.ts";

/**
 * Deleting thousands of files takes longer than a caller should wait. A folder is put into the
 * mirror's bin by a rename, which removes it at once, and deleted from there in the background.
 * What a killed daemon left in the bin goes at the next start.
 */
const binOf = (mirror: Mirror) => join(mirror.gitDir, "deputy-bin");

/** Removes a folder, whatever is in it; one that is gone already is fine. */
export async function throwAway(mirror: Mirror, path: string): Promise<void> {
  const bin = binOf(mirror);
  const thrown = join(bin, randomUUID());
  mkdirSync(bin, { recursive: true, mode: 0o700 });
  try {
    renameSync(path, thrown);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    return removeTree(path); // on another disk, or without write permission: deleted right here
  }
  mirror.deleteLater(thrown);
}

/** Delete what an earlier process left in the bin. */
export async function emptyBin(mirror: Mirror): Promise<void> {
  const bin = binOf(mirror);
  for (const name of await readdir(bin).catch(() => [])) mirror.deleteLater(join(bin, name));
}
