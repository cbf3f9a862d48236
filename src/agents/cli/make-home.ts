import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Folder, splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import { removeInside } from "../../sandbox/files/remove-tree.ts";
import type { AgentRun } from "../agent.ts";

export function homeOf(sessionFolder: string): string {
  return join(sessionFolder, "home");
}

/**
 * Prefix of a program's command line. A sandbox sets these variables for its commands, so they must
 * be set inside it. The temporary folder is separate too, because codex accepts no home below the
 * system's. In a sandbox the home first gets links to what setup installed in the worktree's home,
 * where nothing of that name is: the program's commands find the same caches and tools as checks.
 */
export function inHome({ confined, sessionFolder }: Place): [string, ...string[]] {
  const home = homeOf(sessionFolder);
  const own = ["env", `HOME=${home}`, `TMPDIR=${join(sessionFolder, "tmp")}`] as const;
  return confined ? ["sh", "-c", linkHome, home, ...own] : [...own];
}

type Place = Pick<AgentRun, "confined" | "sessionFolder">;

/** Runs in the box: all that it reads and writes is the agent's. Three levels, as `.local/share/x`. */
const linkHome = `link() {
  for from in "$1"/.[!.]* "$1"/*; do
    to="$2/\${from##*/}"
    if [ -L "$to" ] || [ ! -e "$from" ]; then continue
    elif [ ! -e "$to" ]; then ln -s "$from" "$to"
    elif [ "$3" -gt 1 ] && [ -d "$from" ] && [ -d "$to" ]; then (link "$from" "$to" $(($3 - 1)))
    fi
  done
}
[ "$HOME" = "$0" ] || link "$HOME" "$0" 3
exec "$@"`;

/**
 * Makes the home of a program in the session's folder. Config is rewritten for each run, because
 * the gateway's address changes. Without a gateway it links to the lent login, which is read-only.
 * What the program stores there stays, except links that it put in place of a folder.
 */
export async function makeHome(
  sessionFolder: string,
  wanted: {
    /** By path from the home. */
    files: Record<string, string>;
    /** Where the program looks for its login, and its path; null: no login. */
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
