import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Delete a folder that an agent had: also what it made unwritable. Links are deleted, not followed. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTEMPTY: something still writes there; a second go is all that can be done.
    if (code !== "EACCES" && code !== "EPERM" && code !== "ENOTEMPTY") throw error;
    await makeWritable(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Give the owner access to every folder below, so that files in them can be listed and deleted. */
export async function makeWritable(folder: string): Promise<void> {
  const stats = await lstat(folder).catch(() => null); // gone: nothing to do
  if (!stats?.isDirectory()) return;
  if ((stats.mode & 0o700) !== 0o700) await chmod(folder, stats.mode | 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(folder, entry.name));
  }
}
