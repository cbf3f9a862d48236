import { randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { withFolder } from "../../sandbox/files/open-folder.ts";
import { listIgnored } from "../checkout/stat-snapshot.ts";
import { placeOf } from "../checkout/worktree-place.ts";
import type { Skipped } from "../commits/worktree-changes.ts";
import { whyRefused } from "../git/refused-name.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { diffTrees, readSizes } from "../read/diff-trees.ts";

/**
 * Finds content of a worktree that cannot be handed over, before anybody relies on it: what git
 * cannot hold or check out, what cannot be read, what the repository's host refuses. `isContent`
 * distinguishes written content from FIFOs, sockets and devices, which are only left out.
 */
export type Unfit = {
  workTree: string;
  /** The commit where the work started, and the one that keeps it. */
  base: string;
  commit: string;
  /** What that commit leaves out of the worktree. */
  skipped: readonly Skipped[];
  /** The largest file that the repository's host takes; null: any. */
  maxFileBytes: number | null;
};

export async function findUnfitContent(mirror: Mirror, what: Unfit): Promise<Skipped[]> {
  const place = { workTree: what.workTree, index: placeOf(mirror, what.workTree).index };
  const odd = await findOddEntries(what.workTree, await listIgnored(mirror, place));
  const kept = what.commit === what.base ? [] : await findUnfitFiles(mirror, what);
  const all = [...what.skipped, ...odd, ...kept];
  return all.filter(({ path }, i) => all.findIndex((other) => other.path === path) === i);
}

/** Finds what git silently skips. Ignored folders are left out; links are not followed. */
async function findOddEntries(workTree: string, ignored: ReadonlySet<string>): Promise<Skipped[]> {
  const found: Skipped[] = [];
  const add = (path: string, reason: string, isContent: boolean) =>
    found.push({ path: toText(path), reason, isContent });
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (found.length >= maxFound) break;
    const entries = await withFolder(workTree, Buffer.from(folder, "latin1"), ({ path }) =>
      readdir(path, { withFileTypes: true, encoding: "buffer" }),
    ).catch((error: NodeJS.ErrnoException) => error.code ?? "unknown");
    if (typeof entries === "string") {
      // Gone, or a link by now, which is checked as a link.
      const isThere = entries !== "ENOENT" && entries !== "ENOTDIR";
      if (isThere) add(folder, `cannot be listed (${entries})`, true);
      continue;
    }
    for (const entry of entries) {
      const path = folder + entry.name.toString("latin1");
      if (path === ".git" || ignored.has(path) || ignored.has(`${path}/`)) continue;
      const isFile = entry.isFile() || entry.isSymbolicLink();
      // Git lists nothing below a path that is too long.
      const why = isFile && path.length > maxListedBytes ? whyRefused(path) : null;
      if (why !== null) add(path, why, true);
      if (entry.isDirectory()) folders.push(`${path}/`);
      else if (!isFile) add(path, "is no regular file", false);
    }
  }
  return found;
}

const maxFound = 20;
const maxListedBytes = 2_000;

async function findUnfitFiles(
  mirror: Mirror,
  { base, commit, maxFileBytes }: Unfit,
): Promise<Skipped[]> {
  const found: Skipped[] = [];
  const entries = [...(await diffTrees(mirror, base, commit))];
  const add = (path: string, reason: string) =>
    found.push({ path: toText(path), reason, isContent: true });
  for (const [path, { mode }] of entries) {
    const why = whyRefused(path);
    if (why !== null) add(path, why);
    if (mode === "120000" && /(^|\/)\.gitmodules$/i.test(path))
      add(path, "is a link, and git takes .gitmodules as a file only");
  }
  const refused = found.length === 0 ? await askGit(mirror, commit) : null;
  if (refused !== null) add(refused, "is a path that git refuses to check out");
  const files = entries.filter(([, { mode }]) => mode.startsWith("100"));
  const sizes = await readSizes(
    mirror,
    files.map(([, { id }]) => id),
  );
  for (const [path, { id }] of files) {
    const size = sizes.get(id) ?? 0;
    if (maxFileBytes !== null && size > maxFileBytes)
      add(
        path,
        `has ${size} bytes, and the repository's host takes at most ${maxFileBytes} in a file`,
      );
    if (/(^|\/)\.gitattributes$/.test(path) && (await isTooWide(mirror, id, size)))
      add(
        path,
        `has a line of more than ${maxAttributesLine} bytes, which git ignores and hosts refuse`,
      );
  }
  return found;
}

/** The path at which git refuses to check the commit out; null: none. */
async function askGit(mirror: Mirror, commit: string): Promise<string | null> {
  const index = join(mirror.gitDir, `index-${randomUUID()}`);
  try {
    const git = openMirror(mirror, { index });
    const { exitCode, stderr } = await git.ask(["read-tree", "--end-of-options", commit]);
    const [, path] = /invalid path '(.*)'/.exec(stderr) ?? [];
    return exitCode === 0 ? null : (path ?? null);
  } finally {
    await rm(index, { force: true });
  }
}

const maxAttributesLine = 2_048;
const maxAttributesBytes = 10 * 1024 * 1024;

async function isTooWide(mirror: Mirror, id: string, size: number): Promise<boolean> {
  if (size > maxAttributesBytes) return true;
  const text = await openMirror(mirror).run(["cat-file", "blob", id]);
  return text.split("\n").some((line) => Buffer.byteLength(line) >= maxAttributesLine);
}

function toText(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}
