import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../../sandbox/files/remove-tree.ts";
import type { Mirror } from "./open-mirror.ts";

/**
 * Deleting thousands of files takes longer than anybody should wait for. A folder that is to go is
 * put into the mirror's bin by a rename, which is the moment it is gone, and deleted from there one
 * after the other. What a killed daemon left in the bin goes at the next start.
 */
const binOf = (mirror: Mirror) => join(mirror.gitDir, "deputy-bin");

/** Have a folder gone, whatever is in it; fine when it is gone already. */
export async function throwAway(mirror: Mirror, path: string): Promise<void> {
  const bin = binOf(mirror);
  const thrown = join(bin, randomUUID());
  mkdirSync(bin, { recursive: true, mode: 0o700 });
  try {
    renameSync(path, thrown);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    return removeTree(path); // on another disk, or a folder without write permission: on the spot
  }
  mirror.deleteLater(thrown);
}

/** Delete what an earlier process left in the bin. */
export async function emptyBin(mirror: Mirror): Promise<void> {
  const bin = binOf(mirror);
  for (const name of await readdir(bin).catch(() => [])) mirror.deleteLater(join(bin, name));
}
