import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { packMirror } from "../../worktree/mirror/collect-garbage.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";

/**
 * Packs each mirror in which this many attempts were kept since the last time. Each leaves about ten
 * refs and objects, a file for each, and a file takes a block of the disk. Attempts are counted
 * because that is one folder to list. A round that is cut off loses nothing; the next one, ten
 * attempts later, packs what it left.
 */
export async function packMirrors(
  mirrors: Mirrors,
  stopping: AbortSignal,
  onError: (error: Error) => void,
): Promise<void> {
  // Without the folder no mirror was ever made.
  const names = await readdir(mirrors.root).catch(() => []);
  for (const name of names.filter((name) => /^[^.].*\.git$/.test(name))) {
    if (stopping.aborted) return;
    const gitDir = join(mirrors.root, name);
    // Without the folder all refs are packed.
    const loose = await readdir(join(gitDir, "refs/deputy/attempts")).catch(() => []);
    if (loose.length < looseAttempts) continue;
    await packMirror(mirrors.at(gitDir), stopping).catch((error) => {
      if (!stopping.aborted) onError(error);
    });
  }
}

const looseAttempts = 10;
