import { createHash } from "node:crypto";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { isFullId } from "../mirror/read-cache.ts";
import { foldersOf, type Reads } from "./access-times.ts";

/**
 * What of a commit decides what its setup makes: the content of the files that setup read, the
 * entries of the folders that it listed, and beside a file that it read any name that could be read
 * instead of it or with it (another lock file, a configuration). A setup that read everything, as a
 * build does, has everything for its input.
 */
export type SetupInputs = {
  /** By path: mode and id of the content. */
  files: Record<string, string>;
  /** By folder: a digest of the names in it. */
  listed: Record<string, string>;
  /** By folder: a digest of the names in it that may be configuration. */
  beside: Record<string, string>;
};

/** The files of a commit by path in latin1, with mode and id; submodules are among them. */
export type CommitFiles = ReadonlyMap<string, string>;

export function readCommitFiles(mirror: Mirror, commit: string): Promise<CommitFiles> {
  const read = async (): Promise<CommitFiles> => {
    const args = ["ls-tree", "-r", "-z", "--full-tree", commit];
    const { stdout } = await openMirror(mirror).ask(args);
    const lines = stdout.toString("latin1").split("\0").filter(Boolean);
    return new Map(
      lines.map((line) => {
        const tab = line.indexOf("\t");
        return [line.slice(tab + 1), line.slice(0, tab)];
      }),
    );
  };
  const sizeOf = (files: CommitFiles) => files.size * 120;
  if (!isFullId(commit)) return read();
  return mirror.reads.read("commit-files", `${mirror.gitDir}\n${commit}`, sizeOf, read);
}

/** `reads` null: what setup read cannot be seen here, so it is taken to have read everything. */
export function findInputs(files: CommitFiles, reads: Reads | null): SetupInputs {
  const all = [...files.keys()];
  const read = reads?.files ?? all;
  const listed = new Set(reads?.folders ?? foldersOf(all));
  const around = new Set(read.map(folderOf).filter((folder) => !listed.has(folder)));
  const names = namesByFolder(files);
  return {
    files: Object.fromEntries(read.map((path) => [path, files.get(path) ?? ""])),
    listed: digests([...listed], names, () => true),
    beside: digests([...around], names, mayConfigure),
  };
}

/** Whether setup would find the same in this commit. */
export function hasInputs(files: CommitFiles, inputs: SetupInputs): boolean {
  const names = namesByFolder(files);
  const isSame = (wanted: Record<string, string>, counts: (name: string) => boolean) =>
    Object.entries(digests(Object.keys(wanted), names, counts)).every(
      ([folder, digest]) => wanted[folder] === digest,
    );
  return (
    Object.entries(inputs.files).every(([path, id]) => (files.get(path) ?? "") === id) &&
    isSame(inputs.listed, () => true) &&
    isSame(inputs.beside, mayConfigure)
  );
}

/** Sources, tests, documents and pictures: what no installer looks for by itself. */
const inert =
  /\.(?:[cm]?[jt]sx?|vue|svelte|py|pyi|rs|go|rb|java|kt|scala|php|ex|exs|c|h|cc|cpp|hpp|cs|swift|sh|css|scss|less|html?|md|mdx|rst|txt|svg|png|jpe?g|gif|webp|ico|pdf|snap)$/i;
/** Installers run or read these where they find them. */
const found =
  /^(?:setup\.py|conftest\.py|build\.rs|requirements[\w.-]*\.txt|constraints[\w.-]*\.txt|mix\.exs|\.pnpmfile\.c?js|\.pnp\.c?js)$|\.config\.[cm]?[jt]s$/i;

function mayConfigure(name: string): boolean {
  return found.test(name) || !inert.test(name);
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The names of files and folders directly in each folder; a folder's ends with "/". */
function namesByFolder(files: CommitFiles): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>();
  const add = (folder: string, name: string) => {
    const known = names.get(folder);
    if (known) known.add(name);
    else names.set(folder, new Set([name]));
  };
  for (const path of files.keys()) {
    add(folderOf(path), path.slice(path.lastIndexOf("/") + 1));
  }
  for (const folder of foldersOf([...files.keys()]))
    if (folder !== "") add(folderOf(folder), `${folder.slice(folder.lastIndexOf("/") + 1)}/`);
  return names;
}

function digests(
  folders: readonly string[],
  names: ReadonlyMap<string, ReadonlySet<string>>,
  counts: (name: string) => boolean,
): Record<string, string> {
  const digest = (folder: string) => {
    const inside = [...(names.get(folder) ?? [])].filter(counts).toSorted();
    return createHash("sha256").update(inside.join("\0"), "latin1").digest("hex").slice(0, 32);
  };
  return Object.fromEntries(folders.map((folder) => [folder, digest(folder)]));
}
