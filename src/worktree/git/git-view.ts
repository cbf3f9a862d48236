import { dirname, join } from "node:path";
import type { GitPlace } from "./git-environment.ts";

/**
 * The view of a git command that works on an agent's files. A running agent may replace any folder
 * by a link at any time, so git sees no more than the agent: the mirror, the worktree and the
 * folder of a scratch index. A command that reads the worktree cannot change it, and adds objects
 * to the mirror; one that writes it changes nothing lasting in the mirror.
 */
export type GitView = {
  cwd: string;
  env: Readonly<Record<string, string>>;
  readOnly: readonly string[];
  writable: readonly string[];
};

/** Turns a command into one that runs in such a view; without a sandbox returns it unchanged. */
export type LimitView = (argv: readonly string[], view: GitView) => Promise<readonly string[]>;

/** The view of a command at this place; null when it works on no agent's files. */
export function viewOf(
  { gitDir, workTree, root = workTree, index, agentFiles, lfs }: GitPlace,
  { cwd, env }: Pick<GitView, "cwd" | "env">,
): GitView | null {
  if (agentFiles === undefined || root === undefined || gitDir === null) return null;
  const stores = ["objects", ...(lfs ? ["lfs"] : [])].map((name) => join(gitDir, name));
  const scratch = index === undefined ? [] : [dirname(index)];
  // git-lfs buffers content that is no pointer there.
  const spool = lfs ? [join(gitDir, "lfs", "tmp")] : [];
  return agentFiles === "writes"
    ? { cwd, env, readOnly: [gitDir], writable: [root, ...scratch, ...spool] }
    : { cwd, env, readOnly: [gitDir, root], writable: [...stores, ...scratch] };
}
