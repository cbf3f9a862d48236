import { rename } from "node:fs/promises";
import { type Folder, type Name, splitPath, withFolder } from "./open-folder.ts";
import { openInside, openUp } from "./remove-tree.ts";

/**
 * Moves an entry of one tree to the same path of another on the same volume, links as links, and
 * whatever the modes of folders. False if it is gone, or its folder is a link by now.
 */
export async function moveInside(
  from: Folder | string,
  to: Folder | string,
  path: Name,
): Promise<boolean> {
  const { folder, name } = splitPath(path);
  const move = async (inside: Folder) => {
    await openUp(inside);
    const moved = openInside(inside, name); // a rename changes its `..`, which needs write access
    if (moved) await openUp(moved).finally(moved.close);
    await withFolder(to, folder, (there) => rename(inside.at(name), there.at(name)), {
      make: 0o700,
    });
  };
  try {
    await withFolder(from, folder, move);
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!/^(?:ENOENT|ENOTDIR|ELOOP)$/.test(code)) throw error;
    return false;
  }
}
