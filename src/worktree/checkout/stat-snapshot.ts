import { type Dirent, lstatSync, readdirSync, type Stats } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Folder, openFolder } from "../../sandbox/files/open-folder.ts";
import { GitFailure } from "../git/git-failure.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/**
 * The names of all files of a worktree, with inode, mode, size and times of those that git does not
 * ignore. Comparing two snapshots shows what can have changed without starting git: most commands
 * of an agent change nothing, or files that existed before. Names and an inode's change time cannot
 * be set back, so what looks the same is the same, except a file that had just been written at the
 * first snapshot: it counts as changed.
 */
export type StatSnapshot = {
  /** By path, in latin1 as in worktree-changes.ts; empty for a file that is too young to tell. */
  looks: Map<string, string>;
  /** The names in each folder, ignored ones too. */
  names: Map<string, string>;
};

/** Beyond this, git is faster: it uses threads. */
const maxEntries = 4_000;
const atOnce = 400;
/** A file written and inspected within one tick of its file system may change and look the same. */
export const tickMs = 50;

/**
 * Null when there are too many entries, an unreadable folder, or other names than `expected`. Links
 * are not followed.
 */
export async function takeStatSnapshot(
  workTree: string,
  ignored: ReadonlySet<string>,
  expected: ReadonlyMap<string, string> | null = null,
): Promise<StatSnapshot | null> {
  const stats: StatSnapshot = { looks: new Map(), names: new Map() };
  const folders = [""];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const found = readFolder(workTree, folder);
    if (found === null) return null;
    const names: string[] = [];
    for (const { kind, name, look } of found) {
      if (name.toLowerCase() === ".git") continue; // not content: see worktree-changes.ts
      if (++entries > maxEntries) return null;
      if (entries % atOnce === 0) await nextTurn();
      const path = folder + name;
      names.push(`${kind}${name}`);
      if (ignored.has(path) || ignored.has(`${path}/`)) continue;
      if (kind === "d") folders.push(`${path}/`);
      else stats.looks.set(path, look);
    }
    const all = names.sort().join("\0");
    if (expected && expected.get(folder) !== all) return null;
    stats.names.set(folder, all);
  }
  return stats;
}

/** The files that may have changed between the two; null: some appeared or disappeared. */
export function compareStatSnapshots(before: StatSnapshot, now: StatSnapshot): string[] | null {
  if (before.names.size !== now.names.size) return null;
  for (const [folder, names] of now.names) if (before.names.get(folder) !== names) return null;
  return [...now.looks].flatMap(([path, look]) =>
    look !== "" && look === before.looks.get(path) ? [] : [path],
  );
}

/** The ignored paths; a folder in which everything is ignored is listed alone, with a slash. */
export async function listIgnored(
  mirror: Mirror,
  place: { workTree: string; index: string },
): Promise<Set<string>> {
  const git = openMirror(mirror, place);
  const args = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];
  const { exitCode, stdout, stderr } = await git.ask(args);
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  return new Set(stdout.toString("latin1").split("\0"));
}

type Seen = { kind: string; name: string; look: string };

/** The entries of a folder; null when it is gone, unreadable or too large. */
function readFolder(workTree: string, path: string): Seen[] | null {
  let folder: Folder | null = null;
  try {
    const inside = openFolder(workTree, Buffer.from(path, "latin1"));
    folder = inside;
    const entries = readdirSync(inside.path, { withFileTypes: true, encoding: "buffer" });
    if (entries.length > maxEntries) return null;
    return entries.map((entry) => {
      const kind = kindOf(entry);
      const look = kind === "d" ? "" : lookAt(inside.at(entry.name));
      return { kind, name: entry.name.toString("latin1"), look };
    });
  } catch {
    return null; // git reports the reason
  } finally {
    folder?.close();
  }
}

function kindOf(entry: Dirent<Buffer>): string {
  if (entry.isDirectory()) return "d";
  if (entry.isFile()) return "f";
  return entry.isSymbolicLink() ? "l" : "s";
}

function lookAt(path: Buffer): string {
  const now = Date.now();
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats || Math.max(stats.mtimeMs, stats.ctimeMs) >= now - tickMs) return "";
  return lookOf(stats);
}

type Stated = Pick<Stats, "ino" | "mode" | "size" | "mtimeMs" | "ctimeMs">;

/** Only what git keeps: 32 bits of numbers, and of the mode the type and the executable bit. */
export function lookOf({ ino, mode, size, mtimeMs, ctimeMs }: Stated): string {
  return `${ino >>> 0} ${mode & 0o170100} ${size >>> 0} ${mtimeMs} ${ctimeMs}`;
}
