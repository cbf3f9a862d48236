import { lstat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Mirror } from "../mirror/open-mirror.ts";
import { throwAway } from "../mirror/throw-away.ts";

/**
 * The home of the commands in a worktree's box: beside the worktree, made by setup, used by the
 * agent's runs, removed with the worktree. It holds what setup installed below HOME (a package
 * cache, a virtual environment, a browser), and whatever an agent wrote there: nothing of it is
 * trusted. Checks have a home of their own, with their clean worktree.
 */
const folder = "homes";

export function homeOfWorktree(path: string): string {
  return join(dirname(path), folder, basename(path));
}

/** Removes the home, so that the next command starts in an empty one. */
export async function removeHome(mirror: Mirror, path: string): Promise<void> {
  await throwAway(mirror, homeOfWorktree(path));
}

export async function hasHome(path: string): Promise<boolean> {
  const place = { path: homeOfWorktree(path) };
  return lstat(place.path).then(
    () => true,
    () => false,
  );
}
