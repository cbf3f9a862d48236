import { dirname, join } from "node:path";
import type { GitPlace } from "./git-environment.ts";

/**
 * What a git command sees that works on an agent's files. The agent may live meanwhile and put a link
 * in place of any folder between two looks of git, so git runs where the agent's own view ends: the
 * mirror, the worktree and the folder of a scratch index. Who reads the worktree cannot change it,
 * and adds objects to the mirror; who writes it changes nothing of the mirror that outlives it.
 */
export type GitView = {
  cwd: string;
  env: Readonly<Record<string, string>>;
  readOnly: readonly string[];
  writable: readonly string[];
};

/** Turns a command into one that runs in such a view; without a sandbox it stays as it is. */
export type LimitView = (argv: readonly string[], view: GitView) => Promise<readonly string[]>;

/** The view of a command at this place; null for one that works on nobody's files. */
export function viewOf(
  { gitDir, workTree, root = workTree, index, agentFiles, lfs }: GitPlace,
  { cwd, env }: Pick<GitView, "cwd" | "env">,
): GitView | null {
  if (agentFiles === undefined || root === undefined || gitDir === null) return null;
  const stores = ["objects", ...(lfs ? ["lfs"] : [])].map((name) => join(gitDir, name));
  const scratch = index === undefined ? [] : [dirname(index)];
  // git-lfs writes what is no pointer there before it hands it on.
  const spool = lfs ? [join(gitDir, "lfs", "tmp")] : [];
  return agentFiles === "writes"
    ? { cwd, env, readOnly: [gitDir], writable: [root, ...scratch, ...spool] }
    : { cwd, env, readOnly: [gitDir, root], writable: [...stores, ...scratch] };
}
