import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { deflate, deflateSync } from "node:zlib";
import { deputyIdentity } from "../git/git-environment.ts";
import type { Mirror } from "../mirror/open-mirror.ts";

/**
 * One object into a mirror, in git's own loose form, without starting git: a checkpoint after every
 * tool call makes a handful, and each process would cost more than all the rest of it. The object is
 * there whole or not at all, and written like git does it: no fsync, the name last. What is small is
 * written on the spot: that takes less time than one trip to the thread pool.
 */
const compress = promisify(deflate);
const smallBytes = 64 * 1024;

export async function writeObject(
  { gitDir }: Mirror,
  type: ObjectType,
  content: Buffer,
): Promise<string> {
  const whole = Buffer.concat([headOf(type, content), content]);
  const id = hashObject(type, content);
  const path = join(gitDir, "objects", id.slice(0, 2), id.slice(2));
  if (isRefreshed(path)) return id;
  const draft = join(gitDir, "objects", `tmp_obj_${randomUUID()}`); // the name that git's own cleaning knows
  try {
    const options = { flag: "wx", mode: 0o444 };
    if (whole.length <= smallBytes) {
      writeFileSync(draft, deflateSync(whole, { level: 1 }), options);
    } else await writeFile(draft, await compress(whole, { level: 1 }), options);
    giveName(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  return id;
}

type ObjectType = "blob" | "tree" | "commit";

/** The id that it has, or would have. */
export function hashObject(type: ObjectType, content: Buffer): string {
  return createHash("sha1").update(headOf(type, content)).update(content).digest("hex");
}

function headOf(type: ObjectType, content: Buffer): Buffer {
  return Buffer.from(`${type} ${content.length}\0`);
}

/** Whether it is there; then it is as good as new, so that nobody collects it as an old one. */
function isRefreshed(path: string): boolean {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch {
    return false; // not there, or another's: written anew
  }
}

function giveName(draft: string, path: string): void {
  try {
    renameSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true }); // the first object of this beginning
    renameSync(draft, path);
  }
}

/** A commit of ours, as `commitTree` makes it. No ref moves. */
export function writeCommit(
  mirror: Mirror,
  { tree, parent, message }: { tree: string; parent: string; message: string },
): Promise<string> {
  return writeObject(mirror, "commit", formCommit({ tree, parent, message }, new Date()));
}

/** What such a commit consists of when it is made at this second. */
export function formCommit(
  { tree, parent, message }: { tree: string; parent: string; message: string },
  at: Date,
): Buffer {
  const { name, email } = deputyIdentity;
  const who = `${name} <${email}> ${Math.floor(at.getTime() / 1000)} +0000`;
  return Buffer.from(
    `tree ${tree}\nparent ${parent}\nauthor ${who}\ncommitter ${who}\n\n${message}\n`,
  );
}
