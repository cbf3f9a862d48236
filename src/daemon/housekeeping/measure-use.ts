import { basename } from "node:path";
import type { RepositoryUse } from "../../core/base/disk-use.ts";
import type { CommandResult, CommandSpec } from "../../sandbox/process/run-command.ts";
import { listWorktrees } from "../../worktree/checkout/worktree.ts";
import { homeOfWorktree } from "../../worktree/checkout/worktree-home.ts";
import { listMirrors, type Mirror, type Mirrors } from "../../worktree/mirror/mirror.ts";
import { listPrepared } from "../../worktree/prepared/prepared-trees.ts";

/**
 * Measures what each repository's mirror and worktrees take, by `du` in a process of its own: the
 * folders are untrusted, and may be deep and large. One repository at a time, because it reads every
 * folder. What could not be measured in time is left out.
 */
export type MeasureDeps = {
  mirrors: Mirrors;
  runCommand: (spec: CommandSpec) => Promise<CommandResult>;
  /** The folder of prepared trees, which know their sizes. */
  prepared: string;
  /** For one repository. */
  timeoutMs: number;
};

export async function measureUse(
  { mirrors, prepared, runCommand, timeoutMs }: MeasureDeps,
  signal: AbortSignal,
): Promise<RepositoryUse[]> {
  const found: RepositoryUse[] = [];
  const trees = await listPrepared(prepared);
  const all = await listMirrors(mirrors).catch(() => []); // none is made yet
  for (const mirror of all) {
    if (signal.aborted) return found;
    const paths = await listPaths(mirror);
    const result = await runCommand({
      argv: ["du", "-skx", "--", mirror.gitDir, ...paths, ...paths.map(homeOfWorktree)],
      cwd: "/",
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" },
      ...{ timeoutMs, signal, keepBytes: maxOutputBytes },
    });
    const sizes = new Map(
      [...result.stdout.matchAll(/^(\d+)\t(.+)$/gm)].map(([, kilobytes, path]) => [
        path,
        Number(kilobytes) * 1024,
      ]),
    );
    const mirrorBytes = sizes.get(mirror.gitDir);
    if (mirrorBytes === undefined || result.endedBy !== "exit") continue;
    const inPlace = paths.flatMap((path) => {
      const bytes = sizes.get(path); // else it went meanwhile
      return bytes === undefined ? [] : bytes + (sizes.get(homeOfWorktree(path)) ?? 0);
    });
    const kept = trees.filter((tree) => tree.mirror === mirror.gitDir);
    found.push({
      ...{ prepared: kept.length, preparedBytes: kept.reduce((sum, { bytes }) => sum + bytes, 0) },
      repository: basename(mirror.gitDir, ".git"),
      ...{ mirrorBytes, worktrees: inPlace.length },
      worktreesBytes: inPlace.reduce((sum, bytes) => sum + bytes, 0),
    });
  }
  return found;
}

const maxOutputBytes = 4 * 1024 * 1024;

async function listPaths(mirror: Mirror): Promise<string[]> {
  const listed = await listWorktrees(mirror).catch(() => []); // removed at this moment
  return listed.flatMap(({ path, present }) => (present ? [path] : []));
}

/**
 * Remembers the last measurement and never waits for one: asking for one that is older than a few
 * minutes starts the next in the background.
 */
export function rememberUse(
  measure: (signal: AbortSignal) => Promise<RepositoryUse[]>,
  onError: (error: Error) => void,
): { read: () => RepositoryUse[]; stop: () => void } {
  const stopping = new AbortController();
  let last: RepositoryUse[] = [];
  let measuredAt = Number.NEGATIVE_INFINITY;
  let isMeasuring = false;
  const renew = async () => {
    isMeasuring = true;
    try {
      last = await measure(stopping.signal);
    } catch (error) {
      if (!stopping.signal.aborted) onError(error as Error);
    } finally {
      measuredAt = performance.now();
      isMeasuring = false;
    }
  };
  return {
    read: () => {
      const isOld = performance.now() - measuredAt > keptMs;
      if (isOld && !isMeasuring && !stopping.signal.aborted) void renew();
      return last;
    },
    stop: () => stopping.abort(),
  };
}

const keptMs = 5 * 60_000;
