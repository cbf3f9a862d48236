import { type BigIntStats, constants } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import {
  type Folder,
  openFile,
  readWhole,
  splitPath,
  withFolder,
} from "../../../sandbox/open-folder.ts";
import { ToolProblem } from "./tool.ts";

/**
 * The tools touch files of the worktree only. A path is followed to where it really leads, links
 * included, and that place must be inside; anything named `.git` is refused at any depth, because
 * whoever writes there can make git run code as somebody else. What is then done there opens one folder
 * after the other, so that a link that somebody puts in place of one meanwhile is refused.
 */

/** A place below `root`, its folders named as they really are: no link is followed to it any more. */
export type Spot = { root: string; path: string };

/** Where `path` leads to, which need not exist yet. Throws a ToolProblem when that is elsewhere. */
export async function containPath(worktree: string, path: string): Promise<Spot> {
  if (path.includes("\0")) throw new ToolProblem("the path holds a NUL character");
  const root = await realpath(worktree);
  const wanted = resolve(worktree, path);
  refuseGit(relative(resolve(worktree), wanted), path);
  const inside = relative(root, await followExisting(wanted, path));
  if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new ToolProblem(`"${path}" is outside the worktree; only files inside it can be used`);
  }
  refuseGit(inside, path);
  return { root, path: inside };
}

function refuseGit(path: string, asked: string): void {
  // Some file systems know no case, and some drop trailing dots and spaces.
  if (path.split(sep).some((part) => part.replace(/[. ]+$/, "").toLowerCase() === ".git")) {
    throw new ToolProblem(`"${asked}" belongs to git and is not for the tools`);
  }
}

/** Resolve links as far as the path exists; the rest is appended as it is. */
async function followExisting(path: string, asked: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ELOOP") throw new ToolProblem(`"${asked}" is a link that leads in a circle`);
    if (code === "ENOTDIR")
      throw new ToolProblem(`"${asked}" goes through something that is no folder`);
    if (code !== "ENOENT") throw error;
  }
  const there = await lstat(path).catch(() => null); // missing is what we expect here
  if (there) throw new ToolProblem(`"${asked}" is a link to something that does not exist`);
  const parent = dirname(path);
  if (parent === path) return path;
  return join(await followExisting(parent, asked), path.slice(parent.length));
}

const maxFileBytes = 10_000_000;

/** What is there; null when it is missing. */
export async function lookAt({ root, path }: Spot): Promise<BigIntStats | null> {
  const { folder, name } = splitPath(path);
  return withFolder(root, folder, (inside) => lstat(inside.at(name), { bigint: true })).catch(
    () => null, // missing, or what is on the way is no folder any more
  );
}

/** The text of a file. Throws a ToolProblem for what is no readable text file. */
export async function readTextFile({ root, path }: Spot, asked: string): Promise<string> {
  const file = await openFile(root, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new ToolProblem(`there is no file "${asked}"`);
    throw error;
  });
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) throw new ToolProblem(`"${asked}" is a folder`);
    if (!stat.isFile()) throw new ToolProblem(`"${asked}" is no regular file`);
    const bytes = await readWhole(file, maxFileBytes);
    if (bytes === null) {
      throw new ToolProblem(
        `"${asked}" has ${stat.size} bytes, more than the ${maxFileBytes} that are read; use search or bash`,
      );
    }
    if (bytes.includes(0))
      throw new ToolProblem(`"${asked}" is a binary file of ${stat.size} bytes`);
    const text = bytes.toString("utf8");
    if (!Buffer.from(text, "utf8").equals(bytes)) {
      throw new ToolProblem(`"${asked}" is not UTF-8 text; use bash for it`);
    }
    return text;
  } finally {
    await file.close();
  }
}

/** Write a whole file, with the folders that it needs; its mode is kept. */
export async function writeTextFile({ root, path }: Spot, text: string): Promise<void> {
  const { folder, name } = splitPath(path);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
  const write = async (inside: Folder) => {
    const file = await openFile(inside, name, flags, 0o666);
    await file.writeFile(text).finally(() => file.close());
  };
  await withFolder(root, folder, write, { make: 0o777 });
}
