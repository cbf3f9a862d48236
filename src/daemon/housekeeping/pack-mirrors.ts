import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { packMirror } from "../../worktree/mirror/collect-garbage.ts";
import { listMirrors, type Mirrors } from "../../worktree/mirror/mirror.ts";

/**
 * Packs each mirror in which this many attempts were kept since the last time. Each leaves about ten
 * refs and objects, a file for each, and a file takes a block of the disk. Attempts are counted
 * because that is one folder to list. A round that is cut off loses nothing; the next one, ten
 * attempts later, packs what it left. A watch makes no attempts, but a pack for each change that it
 * sees, so packs count, too.
 */
export async function packMirrors(
  mirrors: Mirrors,
  stopping: AbortSignal,
  onError: (error: Error) => void,
): Promise<void> {
  for (const mirror of await listMirrors(mirrors)) {
    if (stopping.aborted) return;
    // Without the folder all refs are packed.
    const loose = await readdir(join(mirror.gitDir, "refs/deputy/attempts")).catch(() => []);
    const packs = await readdir(join(mirror.gitDir, "objects/pack")).catch(() => []);
    const many = packs.filter((name) => name.endsWith(".pack")).length > manyPacks;
    if (loose.length < looseAttempts && !many) continue;
    await packMirror(mirror, stopping).catch((error) => {
      if (!stopping.aborted) onError(error);
    });
  }
}

const looseAttempts = 10;
const manyPacks = 50;
