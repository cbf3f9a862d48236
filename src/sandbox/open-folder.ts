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
 * The only way to the files of a tree that an agent can write. Its processes may live and put a link
 * in place of any folder between two calls of ours, so no path of several names is given to the
 * system: each folder on the way is opened by itself, without following a link, and what is in the
 * last one is named from there (`/proc/self/fd/N/name`). Wherever the folder is moved meanwhile, it is
 * the one that was opened. Calls that take such a name must not follow a link in its place either:
 * lstat, readlink, mkdir, rename, unlink, rmdir do not; files are opened by `openFile`.
 *
 * Where there is no /proc (macOS) each folder is looked at before the next: right for a tree that
 * nobody changes at this moment, no protection against a race. There is no sandbox there either.
 */
export type Folder = {
  /** For readdir, chmod and utimes of the folder itself. */
  path: Buffer;
  /** Something in it, by its name. */
  at(name: Name): Buffer;
  close(): void;
};

/** Bytes, or text in UTF-8. */
export type Name = string | Buffer;

const openPath = 0o10000000; // O_PATH, which Node does not name: no permission to read is needed
const folderFlags = openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const isHeld = existsSync("/proc/self/fd");

/** A folder of ours by its path, or one that is open already. */
type Root = string | Folder;

export type Make = {
  /** What is missing is made with this mode; left out: it is missed. */
  make?: number;
  /** What stands in the way and is no folder, such as a link, is deleted. */
  clear?: boolean;
};

/**
 * Open the folder `path` below `root`, and `root` itself for an empty one, which is not opened again.
 * Throws ENOENT when it is not there, and ENOTDIR when something on the way is no folder, such as a link.
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

/** The same for as long as `use` runs. */
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
 * Open a file below `root` with these flags. Throws ELOOP for a link; a FIFO is not waited for:
 * whoever reads asks the handle what it is.
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

/** A regular file as a whole; null when it is none, or has more than `maxBytes`, or grows beyond. */
export async function readWhole(file: FileHandle, maxBytes: number): Promise<Buffer | null> {
  const stats = await file.stat();
  if (!stats.isFile() || stats.size > maxBytes) return null;
  const content = await readStart(file, maxBytes + 1);
  return content.length > maxBytes ? null : content;
}

/** The first bytes of an open file, at most so many, whatever it says of its size. */
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

/** A path as the folder that something is in and its name there. */
export function splitPath(path: Name): { folder: Buffer; name: Buffer } {
  const names = namesOf(path);
  const name = names.pop() ?? Buffer.from(".");
  return {
    folder: Buffer.from(names.map((one) => one.toString("latin1")).join("/"), "latin1"),
    name,
  };
}

function namesOf(path: Name): Buffer[] {
  // Latin1 keeps every byte.
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
