import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { isFullId } from "../mirror/read-cache.ts";
import { findIn } from "../mirror/source-repository.ts";

/**
 * The submodules of a commit. A commit holds only their paths and the commits that they are at; what is
 * in them is fetched when a task is planned (fetch-submodules.ts) and kept in the mirror as one commit
 * without history each, under `refs/source/modules/COMMIT`.
 */
export type Submodule = {
  path: string;
  /** The commit that the repository has it at. */
  commit: string;
};

export function submoduleRef(commit: string): string {
  return `refs/source/modules/${commit}`;
}

const sizeOfList = (list: readonly Submodule[]) =>
  list.reduce((sum, { path }) => sum + path.length + 64, 0);

/** Those of the commit itself, sorted by path. */
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

/** What the mirror has of a submodule at a commit, as a commit of ours; null: it stays an empty folder. */
export function findSubmodule(mirror: Mirror, { commit }: Submodule): Promise<string | null> {
  return findIn(openMirror(mirror), submoduleRef(commit));
}

/** All that are filled, those inside of others after them, with what each is filled with. */
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
