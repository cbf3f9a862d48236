import type { BigIntStats } from "node:fs";
import { lstat, lutimes, readFile, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pLimit from "p-limit";
import { splitPath, withFolder } from "../../sandbox/files/open-folder.ts";

/**
 * What commands read of a fresh checkout, seen by the times of last access. The kernel sets such a
 * time at the first read after a write, also where it keeps them rarely ("relatime"), and a checkout
 * has written every file. Git may have read some since, to compare them: their times are set back,
 * because a second read would leave no trace.
 */
export type AccessTimes = ReadonlyMap<string, bigint>;

export type Reads = {
  files: string[];
  /** Folders whose entries were listed; "" is the root. */
  folders: string[];
};

/** Whether the file system of this folder keeps access times; ours alone writes in it. */
export async function keepsAccessTimes(folder: string): Promise<boolean> {
  const path = join(folder, `access-${process.hrtime.bigint()}`);
  await writeFile(path, "x", { flag: "wx" });
  try {
    const before = await stat(path, { bigint: true });
    await pause(12); // the kernel's clock for files has steps of up to 10 ms
    await readFile(path);
    return (await stat(path, { bigint: true })).atimeNs > before.atimeNs;
  } finally {
    await unlink(path);
  }
}

/** The access times of these files of a worktree, by path in latin1, and of the folders around them. */
export async function recordAccess(
  worktree: string,
  files: readonly string[],
): Promise<AccessTimes> {
  const times = new Map<string, bigint>();
  await eachEntry(worktree, files, async (path, { atimeNs, ctimeNs, mtimeNs }, at) => {
    const showsReads = atimeNs <= mtimeNs || atimeNs <= ctimeNs;
    if (!showsReads) await lutimes(at, 0, Number(mtimeNs) / 1e9);
    times.set(path, showsReads ? atimeNs : 0n);
  });
  return times;
}

/** What was read since; a file that is gone counts as read. */
export async function listReads(
  worktree: string,
  files: readonly string[],
  before: AccessTimes,
): Promise<Reads> {
  const unread = new Set<string>();
  await eachEntry(worktree, files, async (path, { atimeNs }) => {
    if (before.get(path) === atimeNs) unread.add(path);
  });
  const isRead = (path: string) => !unread.has(path);
  return {
    files: files.filter(isRead),
    folders: foldersOf(files)
      .filter((folder) => isRead(`${folder}/`))
      .toSorted(),
  };
}

/** The folders of these files, and those around them; "" is the root. */
export function foldersOf(files: readonly string[]): string[] {
  const folders = new Set<string>([""]);
  for (const file of files) {
    for (let at = file.lastIndexOf("/"); at > 0; at = file.lastIndexOf("/", at - 1)) {
      const folder = file.slice(0, at);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return [...folders];
}

/** Calls with each file, and with each folder by its path and "/"; what is gone is left out. */
async function eachEntry(
  worktree: string,
  files: readonly string[],
  call: (path: string, stats: BigIntStats, at: Buffer) => Promise<void>,
): Promise<void> {
  const namesIn = new Map<string, string[]>(foldersOf(files).map((folder) => [folder, []]));
  for (const file of files) {
    const end = file.lastIndexOf("/");
    namesIn.get(end < 0 ? "" : file.slice(0, end))?.push(file);
  }
  const atOnce = pLimit(32);
  const look = async (folder: string, inside: readonly string[]) => {
    await withFolder(worktree, Buffer.from(folder, "latin1"), async (open) => {
      const root = Buffer.concat([open.path, Buffer.from("/.")]); // itself, not the link in /proc
      await call(`${folder}/`, await lstat(root, { bigint: true }), root);
      for (const file of inside) {
        const { name } = splitPath(Buffer.from(file, "latin1"));
        const stats = await lstat(open.at(name), { bigint: true }).catch(() => null); // gone: it counts as read
        if (stats) await call(file, stats, open.at(name));
      }
    }).catch((error: NodeJS.ErrnoException) => {
      if (!/^(?:ENOENT|ENOTDIR|ELOOP)$/.test(error.code ?? "")) throw error;
    });
  };
  await Promise.all([...namesIn].map(([folder, inside]) => atOnce(() => look(folder, inside))));
}
