import { createHash, randomUUID } from "node:crypto";
import { chmod, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { deputyIdentity } from "./git-environment.ts";
import type { Mirror } from "./open-mirror.ts";

/**
 * One object into a mirror, in git's own loose form, without starting git: a checkpoint after every
 * tool call makes a handful, and each process would cost more than all the rest of it. The object is
 * there whole or not at all, and written like git does it: no fsync, the name last.
 */
const compress = promisify(deflate);

export async function writeObject(
  { gitDir }: Mirror,
  type: "blob" | "tree" | "commit",
  content: Buffer,
): Promise<string> {
  const whole = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
  const id = createHash("sha1").update(whole).digest("hex");
  const path = join(gitDir, "objects", id.slice(0, 2), id.slice(2));
  if (await exists(path)) return id;
  const draft = join(gitDir, "objects", `tmp_obj_${randomUUID()}`); // the name that git's own cleaning knows
  try {
    await writeFile(draft, await compress(whole, { level: 1 }), { flag: "wx" });
    await chmod(draft, 0o444);
    await rename(draft, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      await mkdir(dirname(path), { recursive: true });
      await rename(draft, path);
    });
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  return id;
}

/** A commit of ours, as `commitTree` makes it. No ref moves. */
export function writeCommit(
  mirror: Mirror,
  { tree, parent, message }: { tree: string; parent: string; message: string },
): Promise<string> {
  const { name, email } = deputyIdentity;
  const who = `${name} <${email}> ${Math.floor(Date.now() / 1000)} +0000`;
  const text = `tree ${tree}\nparent ${parent}\nauthor ${who}\ncommitter ${who}\n\n${message}\n`;
  return writeObject(mirror, "commit", Buffer.from(text));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false, // missing is the usual case
  );
}
