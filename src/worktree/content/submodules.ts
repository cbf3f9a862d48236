import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { isFullId } from "../mirror/read-cache.ts";
import { findIn } from "../mirror/source-repository.ts";

/**
 * The submodules of a commit. A commit holds only their paths and commits; their content is fetched
 * when a task is planned (fetch-submodules.ts) and kept in the mirror as one commit without history
 * each, under `refs/source/modules/COMMIT`.
 */
export type Submodule = {
  path: string;
  /** The commit that the repository pins it to. */
  commit: string;
};

export function submoduleRef(commit: string): string {
  return `refs/source/modules/${commit}`;
}

const sizeOfList = (list: readonly Submodule[]) =>
  list.reduce((sum, { path }) => sum + path.length + 64, 0);

/** The direct submodules of the commit, sorted by path. */
export function listSubmodules(mirror: Mirror, commit: string): Promise<readonly Submodule[]> {
  const read = async () => {
    const lines = await openMirror(mirror).run(["ls-tree", "-r", "-z", "--full-tree", commit]);
    return lines.split("\0").flatMap((line) => {
      const id = /^160000 commit ([0-9a-f]{40})\t/.exec(line)?.[1];
      return id ? [{ path: line.slice(line.indexOf("\t") + 1), commit: id }] : [];
    });
  };
  if (!isFullId(commit)) return read();
  return mirror.reads.read("submodules", `${mirror.gitDir}\n${commit}`, sizeOfList, read);
}

/** A submodule's content in the mirror, as a commit of ours; null: it stays an empty folder. */
export function findSubmodule(mirror: Mirror, { commit }: Submodule): Promise<string | null> {
  return findIn(openMirror(mirror), submoduleRef(commit));
}

/** All filled submodules with their content, nested ones after their parents. */
export async function listFilled(
  mirror: Mirror,
  commit: string,
  within = "",
): Promise<(Submodule & { content: string })[]> {
  const filled: (Submodule & { content: string })[] = [];
  for (const submodule of await listSubmodules(mirror, commit)) {
    const content = await findSubmodule(mirror, submodule);
    if (content === null) continue;
    const path = within + submodule.path;
    filled.push({ ...submodule, path, content });
    filled.push(...(await listFilled(mirror, content, `${path}/`)));
  }
  return filled;
}
