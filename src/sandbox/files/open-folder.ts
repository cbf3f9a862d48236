import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/**
 * The only access to files in a tree that an agent can write. Its processes may replace any folder
 * with a link between two of our calls, so the system never gets a path of several names: each
 * folder is opened by itself, without following a link, and entries of the last one are named from
 * there (`/proc/self/fd/N/name`). It stays the folder that was opened, wherever it is moved. Calls
 * that take such a name must not follow a link either: lstat, readlink, mkdir, rename, unlink,
 * rmdir do not; files are opened by `openFile`.
 *
 * Without /proc (macOS) each folder is checked before the next: correct for a tree that is not
 * being changed, but no protection against a race. There is no sandbox there either.
 */
export type Folder = {
  /** For readdir, chmod and utimes of the folder itself. */
  path: Buffer;
  /** The path of an entry, by name. */
  at(name: Name): Buffer;
  close(): void;
};

/** Bytes, or text in UTF-8. */
export type Name = string | Buffer;

const openPath = 0o10000000; // O_PATH, which Node does not define: needs no read permission
const folderFlags = openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const isHeld = existsSync("/proc/self/fd");

/** The path of a folder of ours, or an open folder. */
type Root = string | Folder;

export type Make = {
  /** Creates missing folders with this mode; undefined: fails. */
  make?: number;
  /** Deletes what is in the way and is no folder, such as a link. */
  clear?: boolean;
};

/**
 * Opens the folder `path` below `root`; an empty path returns an open `root` itself. Throws ENOENT
 * if it does not exist, and ENOTDIR if part of the path is no folder, such as a link.
 */
export function openFolder(
  root: Root,
  path: Name = "",
  { make, clear = false }: Make = {},
): Folder {
  const isOurs = typeof root === "string";
  let folder = isOurs ? hold(Buffer.from(root)) : root;
  for (const name of namesOf(path)) {
    const outer = folder;
    try {
      if (make !== undefined) makeOne(outer.at(name), make, clear);
      folder = hold(outer.at(name));
    } finally {
      if (isOurs || outer !== root) outer.close();
    }
  }
  return folder;
}

/** Opens a folder while `use` runs. */
export async function withFolder<T>(
  root: Root,
  path: Name,
  use: (folder: Folder) => T | Promise<T>,
  make: Make = {},
): Promise<T> {
  const folder = openFolder(root, path, make);
  try {
    return await use(folder);
  } finally {
    if (folder !== root) folder.close();
  }
}

/**
 * Opens a file below `root` with these flags. Throws ELOOP for a link. Does not block on a FIFO, so
 * the caller checks the type of the handle.
 */
export async function openFile(
  root: Root,
  path: Name,
  flags: number = constants.O_RDONLY,
  mode?: number,
): Promise<FileHandle> {
  const { folder, name } = splitPath(path);
  const safe = flags | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  return withFolder(root, folder, (inside) => open(inside.at(name), safe, mode));
}

/** Reads a whole regular file; null if it is none, or is or becomes larger than `maxBytes`. */
export async function readWhole(file: FileHandle, maxBytes: number): Promise<Buffer | null> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size > maxBytes) return null;
  const content = await readStart(file, maxBytes + 1);
  return content.length > maxBytes ? null : content;
}

/** Reads at most `maxBytes` from the start of an open file, regardless of its reported size. */
export async function readStart(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let left = maxBytes; left > 0; ) {
    const chunk = Buffer.alloc(Math.min(left, chunkBytes));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, maxBytes - left);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return Buffer.concat(chunks);
}

const chunkBytes = 64 * 1024;

/** Splits a path into its folder and its last name. */
export function splitPath(path: Name): { folder: Buffer; name: Buffer } {
  const names = namesOf(path);
  const name = names.pop() ?? Buffer.from(".");
  return {
    folder: Buffer.from(names.map((one) => one.toString("latin1")).join("/"), "latin1"),
    name,
  };
}

function namesOf(path: Name): Buffer[] {
  // Latin-1 preserves every byte.
  const names = Buffer.from(path as string)
    .toString("latin1")
    .split("/")
    .filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new Error(`the path ${path} leads up: name what is in the tree`);
  return names.map((name) => Buffer.from(name, "latin1"));
}

function makeOne(path: Buffer, mode: number, clear: boolean): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (!clear || lstatSync(path).isDirectory()) return; // it is opened next
    unlinkSync(path);
    mkdirSync(path, { mode });
  }
}

function hold(path: Buffer): Folder {
  if (!isHeld) return lookAt(path);
  const fd = openSync(path as unknown as string, folderFlags);
  return asFolder(Buffer.from(`/proc/self/fd/${fd}`), () => closeSync(fd));
}

function lookAt(path: Buffer): Folder {
  if (lstatSync(path).isDirectory()) return asFolder(path, () => {});
  throw Object.assign(new Error(`ENOTDIR: ${path} is no folder`), { code: "ENOTDIR" });
}

function asFolder(path: Buffer, close: () => void): Folder {
  const start = Buffer.concat([path, Buffer.from("/")]);
  return { path, at: (name) => Buffer.concat([start, Buffer.from(name as string)]), close };
}
