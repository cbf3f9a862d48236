import { constants } from "node:fs";
import { lstat, open, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { ToolProblem } from "./tool.ts";

/**
 * The tools touch files of the worktree only. A path is followed to where it really leads, links
 * included, and that place must be inside; anything named `.git` is refused at any depth, because
 * whoever writes there can make git run code as somebody else.
 */

/** The real path of `path`, which need not exist yet. Throws a ToolProblem when it leads elsewhere. */
export async function containPath(worktree: string, path: string): Promise<string> {
  if (path.includes("\0")) throw new ToolProblem("the path holds a NUL character");
  const root = await realpath(worktree);
  const wanted = resolve(worktree, path);
  refuseGit(relative(resolve(worktree), wanted), path);
  const real = await followExisting(wanted, path);
  const inside = relative(root, real);
  if (inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    throw new ToolProblem(`"${path}" is outside the worktree; only files inside it can be used`);
  }
  refuseGit(inside, path);
  return real;
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

/** The text of a file at a contained path. Throws a ToolProblem for what is no readable text file. */
export async function readTextFile(real: string, asked: string): Promise<string> {
  const file = await open(
    real,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") throw new ToolProblem(`there is no file "${asked}"`);
    throw error;
  });
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) throw new ToolProblem(`"${asked}" is a folder`);
    if (!stat.isFile()) throw new ToolProblem(`"${asked}" is no regular file`);
    if (stat.size > maxFileBytes) {
      throw new ToolProblem(
        `"${asked}" has ${stat.size} bytes, more than the ${maxFileBytes} that are read; use search or bash`,
      );
    }
    const bytes = await file.readFile();
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

/** Write a whole file at a contained path; its mode is kept. */
export async function writeTextFile(real: string, text: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const file = await open(real, flags | constants.O_NONBLOCK, 0o666);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}
