import { readdirSync } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
import { type Folder, openFolder, splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import { fullBytes, type RoomAtStart } from "../../sandbox/limits/measure-room.ts";

/**
 * Whether an attempt itself filled the volume of its worktree, and if so, the removal of its
 * largest files: until they are gone nothing can be kept there, and no other work can continue.
 */
const maxNamed = 5;

/**
 * When the files in `workTree` that changed since `before` take at least half of what was free
 * then, removes the largest until they do not, and returns a sentence that names them. Otherwise
 * returns null and removes nothing.
 */
export async function freeVolume(workTree: string, before: RoomAtStart): Promise<string | null> {
  const files = await listWritten(workTree, before.at);
  const written = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const limit = Math.max(before.bytes / 2, fullBytes);
  if (written < limit) return null;
  files.sort((a, b) => b.bytes - a.bytes);
  let left = written;
  const removed: string[] = [];
  for (const { path, bytes } of files) {
    if (left < limit) break;
    const { folder, name } = splitPath(Buffer.from(path, "latin1"));
    await withFolder(workTree, folder, (inside) => unlink(inside.at(name)));
    const shown = Buffer.from(path, "latin1").toString("utf8").slice(0, 200);
    removed.push(`${JSON.stringify(shown)} (${bytes} bytes)`);
    left -= bytes;
  }
  const more = removed.length > maxNamed ? `, and ${removed.length - maxNamed} more` : "";
  return `the attempt filled the volume of its worktree: its files took ${written} of the ${before.bytes} bytes that were free. The largest were removed, because nothing could be kept there: ${removed.slice(0, maxNamed).join(", ")}${more}. Write less`;
}

/** Regular files that changed since, by their paths in latin1; an agent cannot set ctime. */
export async function listWritten(workTree: string, since: number) {
  const found: { path: string; bytes: number }[] = [];
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const inside = openQuietly(workTree, folder);
    if (inside === null) continue;
    try {
      for (const entry of readdirSync(inside.path, { withFileTypes: true, encoding: "buffer" })) {
        const path = folder + entry.name.toString("latin1");
        if (entry.isDirectory()) folders.push(`${path}/`);
        if (!entry.isFile()) continue;
        const { blocks, ctimeMs } = await lstat(inside.at(entry.name));
        if (ctimeMs >= since) found.push({ path, bytes: blocks * 512 });
      }
    } catch {
      // Unlistable and vanished files are not counted.
    } finally {
      inside.close();
    }
  }
  return found;
}

/** Null when it cannot be opened, or is a link by now. */
function openQuietly(workTree: string, folder: string): Folder | null {
  try {
    return openFolder(workTree, Buffer.from(folder, "latin1"));
  } catch {
    return null;
  }
}
