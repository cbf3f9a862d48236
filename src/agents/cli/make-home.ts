import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Folder, splitPath, withFolder } from "../../sandbox/open-folder.ts";
import { removeInside } from "../../sandbox/remove-tree.ts";

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
 * be read. What the program remembers there stays, but for links that it put in a folder's place.
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
  const make = { make: 0o700, clear: true };
  for (const name of ["home", "tmp"]) await withFolder(sessionFolder, name, () => {}, make);
  const place = (file: string, put: (path: Buffer) => Promise<void>) => {
    const { folder, name } = splitPath(join("home", file));
    const replace = async (inside: Folder) => {
      await removeInside(inside, name);
      await put(inside.at(name));
    };
    return withFolder(sessionFolder, folder, replace, make);
  };
  for (const [file, text] of Object.entries(wanted.files)) {
    await place(file, (path) => writeFile(path, text, { mode: 0o600, flag: "wx" }));
  }
  const { login } = wanted;
  if (!login) return;
  await place(login.file, async (path) => {
    if (login.lent !== null) await symlink(login.lent, path);
  });
}
