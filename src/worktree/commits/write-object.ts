import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { deflate, deflateSync } from "node:zlib";
import { deputyIdentity } from "../git/git-environment.ts";
import type { Mirror } from "../mirror/open-mirror.ts";

/**
 * Writes one object into a mirror, in git's own loose form, without starting git: a checkpoint
 * after every tool call makes a handful, and each process would cost more than all the rest of it.
 * The object appears whole or not at all, written as git does it: no fsync, the name last. Small
 * objects are written synchronously, which is faster than a trip to the thread pool.
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
  const draft = join(gitDir, "objects", `tmp_obj_${randomUUID()}`); // git's clean-up knows it
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

/** The id of this object, whether it is written or not. */
export function hashObject(type: ObjectType, content: Buffer): string {
  return createHash("sha1").update(headOf(type, content)).update(content).digest("hex");
}

function headOf(type: ObjectType, content: Buffer): Buffer {
  return Buffer.from(`${type} ${content.length}\0`);
}

/** Whether it exists; then its time is renewed, so that it is not collected as an old one. */
function isRefreshed(path: string): boolean {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch {
    return false; // missing, or another user's: written again
  }
}

function giveName(draft: string, path: string): void {
  try {
    renameSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true }); // the first object with this prefix
    renameSync(draft, path);
  }
}

/** Writes a commit of ours, as `commitTree` makes it. No ref moves. */
export function writeCommit(
  mirror: Mirror,
  { tree, parent, message }: { tree: string; parent: string; message: string },
): Promise<string> {
  return writeObject(mirror, "commit", formCommit({ tree, parent, message }, new Date()));
}

/** The content of such a commit when it is made at this second. */
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
