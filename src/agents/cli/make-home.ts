import { lstat, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";

export function homeOf(sessionFolder: string): string {
  return join(sessionFolder, "home");
}

/**
 * What goes before a program's name. A sandbox sets these variables for what it starts: they have to
 * be set in it. The temporary folder is its own too, as codex has no home below the system's.
 */
export function inHome(sessionFolder: string): ["env", ...string[]] {
  return ["env", `HOME=${homeOf(sessionFolder)}`, `TMPDIR=${join(sessionFolder, "tmp")}`];
}

/**
 * The home of a program in the session's folder: config anew for each run, as the gateway's address
 * is, and where there is no gateway a link to the login that it was lent, which lies where it can only
 * be read. What the program remembers there stays.
 */
export async function makeHome(
  sessionFolder: string,
  wanted: {
    /** By path from the home. */
    files: Record<string, string>;
    /** Where it looks for its login, and where that is; null: nowhere. */
    login: { file: string; lent: string | null } | null;
  },
): Promise<void> {
  const home = homeOf(sessionFolder);
  for (const name of ["home", "tmp"]) {
    await makeFolder(sessionFolder, join(sessionFolder, name));
  }
  for (const [path, text] of Object.entries(wanted.files)) {
    const file = await clear(sessionFolder, join(home, path));
    await writeFile(file, text, { mode: 0o600, flag: "wx" });
  }
  if (!wanted.login) return;
  const link = await clear(sessionFolder, join(home, wanted.login.file));
  if (wanted.login.lent !== null) await symlink(wanted.login.lent, link);
}

async function clear(sessionFolder: string, file: string): Promise<string> {
  await makeFolder(sessionFolder, dirname(file));
  await rm(file, { recursive: true, force: true });
  return file;
}

/** A link that an earlier run put in a folder's place would lead the daemon out of the session: it goes. */
async function makeFolder(sessionFolder: string, path: string): Promise<void> {
  let folder = sessionFolder;
  for (const name of relative(sessionFolder, path).split(sep)) {
    folder = join(folder, name);
    const found = await lstat(folder).catch(() => null); // not made yet
    if (!found?.isDirectory()) await rm(folder, { force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
}
