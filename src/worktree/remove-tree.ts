import { randomUUID } from "node:crypto";
import { chmod, lstat, readdir, rename, rm } from "node:fs/promises";
import { join, sep } from "node:path";

/**
 * Delete a folder that an agent had: also what it made unwritable, or deeper than a path can be long.
 * Links are deleted, not followed.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await removeDeep(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTEMPTY: something still writes there; a second go is all that can be done.
    if (code !== "EACCES" && code !== "EPERM" && code !== "ENOTEMPTY") throw error;
    await makeWritable(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What a path is too long for is brought up by half of a path's length, as often as it takes. */
async function removeDeep(path: string): Promise<void> {
  for (;;) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch (error) {
      const { code, path: tooLong = "" } = error as NodeJS.ErrnoException;
      const upper = tooLong.slice(0, tooLong.lastIndexOf(sep, halfPath));
      if (code !== "ENAMETOOLONG" || upper.length <= path.length) throw error;
      await rename(upper, join(path, randomUUID()));
    }
  }
}

const halfPath = 2_000;

/** Give the owner access to every folder below, so that files in them can be listed and deleted. */
export async function makeWritable(folder: string): Promise<void> {
  const stats = await lstat(folder).catch(() => null); // gone: nothing to do
  if (!stats?.isDirectory()) return;
  if ((stats.mode & 0o700) !== 0o700) await chmod(folder, stats.mode | 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  }
}
