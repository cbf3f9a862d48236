import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { chmod, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import type { Config } from "../../config/config.ts";

const folders = ["mirrors", "worktrees", "checks", "logs", "scratch", "artifacts"] as const;

/** Make the folders of the daemon's home, for its user alone. Returns the API token. */
export async function prepareHome(config: Config): Promise<string> {
  await mkdir(config.home, { recursive: true, mode: 0o700 });
  await chmod(config.home, 0o700);
  for (const folder of folders) await mkdir(config.paths[folder], { recursive: true, mode: 0o700 });
  return config.token ?? (await keepSecret(config.paths.token));
}

/** A secret, of chance if nothing else is said: made on first run, readable by its owner alone. */
export async function keepSecret(
  path: string,
  make: () => string = () => randomBytes(32).toString("base64url"),
): Promise<string> {
  const known = await readToken(path);
  if (known) return known;
  const token = make();
  // An empty file: the daemon that made it was killed before it wrote the secret.
  await rm(path, { force: true });
  await writeFile(path, `${token}\n`, { mode: 0o600, flag: "wx" });
  return token;
}

/**
 * Write a small file without freeing its block first: on a full volume a daemon that was killed finds
 * room for the file in the block that it left.
 */
export async function writeInPlace(path: string, text: string): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    await file.write(text, 0);
    await file.truncate(Buffer.byteLength(text));
  } finally {
    await file.close();
  }
}

async function readToken(path: string): Promise<string | null> {
  try {
    return (await readFile(path, "utf8")).trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
