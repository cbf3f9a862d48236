import type { Mirror } from "../mirror/open-mirror.ts";
import type { Repository } from "../mirror/repository-url.ts";
import type { AuthHeader } from "../mirror/transport.ts";
import { fetchLfs } from "./fetch-lfs.ts";
import { fetchSubmodules } from "./fetch-submodules.ts";

/**
 * Fetches into the mirror what a commit only refers to: the contents of Git LFS and of submodules.
 * Existing content is not fetched again.
 */
export type FetchContent = {
  authHeader: AuthHeader;
  signal: AbortSignal;
  /** False for a stranger's commit: nothing that it names is fetched over the network. */
  mayAsk: boolean;
};

/** Returns sentences for a person about content that worktrees will lack. */
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
