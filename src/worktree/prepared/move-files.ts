import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import { moveInside } from "../../sandbox/files/move-inside.ts";
import { type Name, withFolder } from "../../sandbox/files/open-folder.ts";
import { runCommand } from "../../sandbox/process/run-command.ts";
import { placeOf } from "../checkout/worktree-place.ts";
import { GitFailure } from "../git/git-failure.ts";
import type { LimitView } from "../git/git-view.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { listSpent } from "./download-caches.ts";

/** Moves what setup left out of a worktree, and copies it into others. */
/** More single files and folders than that beside tracked ones are a build of the whole tree. */
const maxEntries = 1_000;
/** More files than that take longer to copy than to install. */
const maxFiles = 300_000;
const copyTimeoutMs = 10 * 60_000;

/**
 * Moves the untracked files of a worktree into `draft/tree`, its home to `draft/home`, and of that what
 * only another installation needs to `draft/downloads`. Returns the paths of the files and whole
 * folders, and of these downloads. Throws a DeputyError where that cannot be kept.
 */
export async function fillDraft(
  mirror: Mirror,
  {
    apart,
    draft,
    home,
    worktree,
  }: {
    apart: readonly string[];
    draft: string;
    home: string;
    worktree: string;
  },
): Promise<{ entries: string[]; downloads: string[] }> {
  const git = openMirror(mirror, { workTree: worktree, index: placeOf(mirror, worktree).index });
  const list = async (args: string[]) => {
    const { exitCode, stderr, stdout } = await git.ask(args);
    if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
    return stdout.toString("utf8").split("\0").filter(Boolean);
  };
  // Not diff-files: a file whose times alone were set counts as changed there.
  const changed = await list([
    ...["diff", "-z", "--name-only", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all"],
  ]);
  if (changed.length > 0) throw cannotKeep(`it changes ${changed[0]}, which git tracks`);
  const left = await list(["ls-files", "-z", "--others", "--directory", "--no-empty-directory"]);
  const known = new Set(apart);
  const entries = left.map((path) => path.replace(/\/$/, "")).filter((path) => !known.has(path));
  // Git names a whole folder where nothing in it is tracked; what was there before is inside then.
  const mixed = entries.find((path) => apart.some((one) => one.startsWith(`${path}/`)));
  if (mixed !== undefined) throw cannotKeep(`it writes in ${mixed}, where files were copied to`);
  const odd = entries.find((path) => path.includes("\ufffd"));
  if (odd !== undefined) throw cannotKeep(`the name ${odd} is no UTF-8`);
  if (entries.length > maxEntries)
    throw cannotKeep(`it leaves ${entries.length} files and folders beside tracked ones`);
  await mkdir(join(draft, "tree"), { mode: 0o700 });
  await withFolder(join(draft, "tree"), "", async (tree) => {
    for (const path of entries) await moveInside(worktree, tree, path);
  });
  await rename(home, join(draft, "home")).catch(async (error) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await mkdir(join(draft, "home"), { mode: 0o700 });
  });
  const downloads: string[] = [];
  await mkdir(join(draft, "downloads"), { mode: 0o700 });
  for (const path of await listSpent(join(draft, "home")))
    if (await moveInside(join(draft, "home"), join(draft, "downloads"), path)) downloads.push(path);
  return { entries, downloads };
}

/** How much a tree takes: files and folders, and bytes on disk. */
export async function measureFiles(
  limitView: LimitView,
  draft: string,
): Promise<{ files: number; bytes: number }> {
  const measure = async (...args: string[]) => {
    const stdout = await runThere(limitView, ["du", "-s", ...args, "."], draft, {
      readOnly: [draft],
    });
    const count = Number.parseInt(stdout, 10);
    if (Number.isNaN(count)) throw new Error(`du: ${stdout.slice(0, 200)}`);
    return count;
  };
  const [bytes, files] = await Promise.all([measure("-B1"), measure("--inodes")]);
  if (files > maxFiles) throw cannotKeep(`it leaves ${files} files`);
  return { bytes, files };
}

/**
 * Copies the entries to the same paths of a worktree, whose folders are there, and the content of these
 * folders (`home`, `downloads`) to the home. Runs where nothing but these is seen, so that no link
 * leads anywhere else.
 */
export async function copyFiles(
  limitView: LimitView,
  from: string,
  { entries, folders }: { entries: readonly string[]; folders: readonly string[] },
  { home, worktree }: { home: string; worktree: string },
): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const inHome = folders.flatMap((name) => [`${join(from, name)}/.`, home]);
  const pairs = entries.flatMap((path) => {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    return [join(from, "tree", path), join(worktree, folder)];
  });
  const script =
    'while [ $# -gt 1 ]; do cp -a --reflink=auto -- "$1" "$2" || exit 1; shift 2; done';
  const argv = ["sh", "-c", script, "sh", ...inHome, ...pairs];
  await runThere(limitView, argv, worktree, { readOnly: [from], writable: [worktree, home] });
}

/**
 * Moves the entries of a copy of a tree to a worktree, and what is in its home to that home. False: not
 * all could be moved.
 */
export async function moveWhole(
  from: string,
  entries: readonly string[],
  { home, worktree }: { home: string; worktree: string },
): Promise<boolean> {
  const [tree, inHome] = [join(from, "tree"), join(from, "home")];
  if (!(await moveEach(tree, entries, worktree))) return false;
  await mkdir(home, { recursive: true, mode: 0o700 });
  return moveEach(inHome, await readdir(inHome, { encoding: "buffer" }), home);
}

/** Moves these paths of a folder to the same ones of another. False: not all could be moved. */
export async function moveEach(from: string, paths: readonly Name[], to: string): Promise<boolean> {
  for (const path of paths) if (!(await moveInside(from, to, path))) return false;
  return true;
}

/** Copies these folders of a prepared tree into another, at the lowest priority. */
export async function copyParts(
  limitView: LimitView,
  from: string,
  names: readonly string[],
  to: string,
): Promise<void> {
  const parts = names.map((name) => join(from, name));
  const argv = ["nice", "-n", "19", "cp", "-a", "--reflink=auto", "--", ...parts, to];
  await runThere(limitView, argv, to, { readOnly: [from], writable: [to] });
}

/**
 * Copies those of these folders that a prepared tree has in its home or among its downloads to the same
 * paths of a home that has none of them.
 */
export async function copyCaches(
  limitView: LimitView,
  { from, paths, to }: { from: string; paths: readonly string[]; to: string },
): Promise<void> {
  const script =
    'from=$1 to=$2; shift 2; for path; do for part in home downloads; do [ -d "$from/$part/$path" ] || continue; mkdir -p "$(dirname "$to/$path")" && cp -a --reflink=auto -- "$from/$part/$path" "$to/$path" || exit 1; done; done';
  const argv = ["sh", "-c", script, "sh", from, to, ...paths];
  await runThere(limitView, argv, to, { readOnly: [from], writable: [to] });
}

/** Runs a program where nothing but these folders is seen. Returns what it printed. */
async function runThere(
  limitView: LimitView,
  argv: string[],
  cwd: string,
  { readOnly, writable = [] }: { readOnly: string[]; writable?: string[] },
): Promise<string> {
  const [program = "sh", ...args] = await limitView(argv, { cwd, env, readOnly, writable });
  const { error, exitCode, output, stdout } = await runCommand({
    ...{ argv: [program, ...args], cwd, env, timeoutMs: copyTimeoutMs },
  });
  if (exitCode !== 0) throw new Error(error ?? output.trim().slice(0, 300));
  return stdout;
}

const env = { PATH: "/usr/bin:/bin", LC_ALL: "C" };

/** Why a setup's result is not kept; it runs each time then. */
export function cannotKeep(why: string): DeputyError {
  return new DeputyError("unprocessable", `What setup made cannot be kept: ${why}.`);
}
