import { type BigIntStats, constants } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import {
  type Folder,
  openFile,
  readWhole,
  splitPath,
  withFolder,
} from "../../../sandbox/files/open-folder.ts";
import { ToolProblem } from "./tool.ts";

/**
 * The tools touch only files of the worktree. A path is resolved, links included, and must end
 * inside. Anything named `.git` is refused at any depth, because writing there can make git run
 * code for somebody else. File access then opens one folder after the other, so that a link put in
 * place of one in the meantime is refused.
 */

/** A resolved place below `root`: its path contains no links. */
export type Spot = { root: string; path: string };

/** Resolves `path`, which need not exist. Throws a ToolProblem if it leads elsewhere. */
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
  // Some file systems ignore case, and some drop trailing dots and spaces.
  if (path.split(sep).some((part) => part.replace(/[. ]+$/, "").toLowerCase() === ".git")) {
    throw new ToolProblem(`"${asked}" belongs to git and is not for the tools`);
  }
}

/** Resolves links as far as the path exists; the rest is appended unchanged. */
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
  const there = await lstat(path).catch(() => null); // usually missing
  if (there) throw new ToolProblem(`"${asked}" is a link to something that does not exist`);
  const parent = dirname(path);
  if (parent === path) return path;
  return join(await followExisting(parent, asked), path.slice(parent.length));
}

const maxFileBytes = 10_000_000;

/** Returns the stat of what is there; null if it is missing. */
export async function lookAt({ root, path }: Spot): Promise<BigIntStats | null> {
  const { folder, name } = splitPath(path);
  return withFolder(root, folder, (inside) => lstat(inside.at(name), { bigint: true })).catch(
    () => null, // missing, or part of the path is no folder any more
  );
}

/** Returns the text of a file. Throws a ToolProblem if it is no readable text file. */
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

/** Writes a whole file and creates missing folders; an existing file keeps its mode. */
export async function writeTextFile({ root, path }: Spot, text: string): Promise<void> {
  const { folder, name } = splitPath(path);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
  const write = async (inside: Folder) => {
    const file = await openFile(inside, name, flags, 0o666);
    await file.writeFile(text).finally(() => file.close());
  };
  await withFolder(root, folder, write, { make: 0o777 });
}
