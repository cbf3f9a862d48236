import type { Mirror } from "../mirror/open-mirror.ts";
import type { Repository } from "../mirror/repository-url.ts";
import { fetchLfs } from "./fetch-lfs.ts";
import { fetchSubmodules } from "./fetch-submodules.ts";

/**
 * Has in the mirror what a commit's files are made of and the commit itself does not hold: the contents
 * of Git LFS and of submodules. What is there is not fetched again.
 */
export type FetchContent = {
  authHeader: (url: string) => string | null;
  signal: AbortSignal;
  /** False for a stranger's commit: nothing that it names is asked for over the network. */
  mayAsk: boolean;
};

/** Returns what a person has to know of what worktrees will not hold, in sentences. */
export async function fetchContent(
  mirror: Mirror,
  repository: Repository,
  commit: string,
  options: FetchContent,
): Promise<string[]> {
  return [
    ...(await fetchLfs(mirror, repository, commit, options)),
    ...(await fetchSubmodules(mirror, repository, commit, options)),
  ];
}
