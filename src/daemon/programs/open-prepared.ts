import type { Config } from "../../config/config.ts";
import type { Sandbox } from "../../sandbox/box/sandbox.ts";
import { openPreparedTrees, type PreparedTrees } from "../../worktree/prepared/prepared-trees.ts";
import type { Log } from "../home/log.ts";

/** What setup made, kept for the next worktree; undefined where the configuration keeps nothing. */
export function openPrepared(
  { paths, preparedMb }: Pick<Config, "paths" | "preparedMb">,
  { limitView }: Pick<Sandbox, "limitView">,
  log: Log,
): PreparedTrees | undefined {
  if (preparedMb === null) return undefined;
  return openPreparedTrees({
    root: paths.prepared,
    maxBytes: preparedMb * 1024 * 1024,
    limitView,
    onProblem: (words, error) => log.warn({ err: error }, words),
  });
}
