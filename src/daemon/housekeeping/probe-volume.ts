import { randomUUID } from "node:crypto";
import { existsSync, statfsSync, statSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Volume } from "../../core/base/disk-use.ts";
import { floorOf, type Room } from "../../core/base/floor.ts";
import { findSpaceProblem, type SpaceCode, type SpaceProblem } from "../../core/base/space.ts";

/** Looks at the volume of one path: what is free, whether it can be written, and the words for it. */
const trialBytes = 1024 * 1024;
const fewInodes = 4;

/** The volumes that these paths are on, each once. */
export function listVolumes(paths: readonly string[], minFreeMb: number): Volume[] {
  const found = new Map<number, Volume>();
  for (const path of paths) {
    const [device, room] = [deviceOf(path), measureVolume(path)];
    if (device === null || room === null || found.has(device)) continue;
    found.set(device, { ...room, mount: mountOf(path), floorBytes: floorOf(room, minFreeMb) });
  }
  return [...found.values()];
}

/** Writes and removes a file: quotas, inodes and a read-only volume show nowhere else. */
export async function tryToWrite(folder: string): Promise<SpaceProblem | null> {
  const there = existingAbove(folder);
  const path = join(there, `.deputy-space-${randomUUID()}`);
  let file: FileHandle | null = null;
  try {
    file = await open(path, "wx", 0o600);
    await file.writeFile(Buffer.alloc(trialBytes));
    await file.datasync();
    return null;
  } catch (error) {
    const problem = findSpaceProblem(error);
    return problem && { ...problem, path: there };
  } finally {
    await file?.close().catch(() => {}); // the failed write is reported above
    if (file) await rm(path, { force: true });
  }
}

const inWords: Record<SpaceCode, string> = {
  ENOSPC: "is full",
  EDQUOT: "is full for this user: the disk quota is used up",
  EROFS: "is read-only now",
  EFBIG:
    "takes no larger file: a limit of this process (ulimit -f) or of the file system is reached",
};

/** One sentence: which volume, its free space, and what to do. */
export function describe({ code, ofDatabase }: SpaceProblem, path: string | null): string {
  const cure = code === "EROFS" ? "mount it writable again" : "free space there";
  const end = `${inWords[code]}; ${cure}, and the work continues by itself.`;
  if (path === null)
    return `${ofDatabase ? "The volume with the data of the PostgreSQL server" : "A volume"} ${end}`;
  const room = roomAt(path);
  const inodes = room && Number.isFinite(room.inodes) ? ` and ${room.inodes} inodes` : "";
  const free = room ? `, ${room.bytes} bytes${inodes} free` : "";
  return `The volume at ${mountOf(path)} (${path}${free}) ${end}`;
}

/** The sentence for an error about missing space; null for any other. */
export function explainSpace(error: unknown): string | null {
  const problem = findSpaceProblem(error);
  return problem && describe(problem, problem.path);
}

/** The problem of a path's volume, in one sentence; null: it can be written. */
export async function findFullVolume(path: string): Promise<string | null> {
  const problem = await tryToWrite(path);
  return problem && describe(problem, path);
}

/** Less than a megabyte, or almost no inode. */
export function isAlmostFull(path: string): boolean {
  const room = roomAt(path);
  return room !== null && (room.bytes < trialBytes || room.inodes < fewInodes);
}

function roomAt(path: string): { bytes: number; inodes: number } | null {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(existingAbove(path));
    // File systems without an inode table report that they have none at all.
    return { bytes: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
  } catch {
    return null; // not accessible: only errors tell of its space
  }
}

/** Free and whole size of a path's volume; null where it is not accessible. */
export function measureVolume(path: string): Room | null {
  try {
    const { bavail, blocks, bsize } = statfsSync(existingAbove(path));
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}

export function deviceOf(path: string): number | null {
  try {
    return statSync(existingAbove(path)).dev;
  } catch {
    return null; // not accessible
  }
}

function existingAbove(path: string): string {
  let there = path;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  return there;
}

/** The topmost folder above a path that is still on its volume. */
export function mountOf(path: string): string {
  let there = existingAbove(path);
  while (dirname(there) !== there && deviceOf(dirname(there)) === deviceOf(there))
    there = dirname(there);
  return there;
}
