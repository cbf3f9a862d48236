import type { Task } from "../core/task.ts";
import { ensureMirror, type Mirror, pinRef, resolveBase } from "../worktree/mirror.ts";
import { parseRepository } from "../worktree/repository-url.ts";

/**
 * The first thing that happens to a task: its repository is mirrored and its base commit fixed and
 * pinned, so that whatever happens to the branch meanwhile, every attempt starts from the same code.
 */
export type PreparedBase = { mirror: Mirror; baseCommit: string; baseRef: string };

export async function prepareBase(
  task: Task,
  options: { mirrorRoot: string; authHeader: (url: string) => string | null; signal: AbortSignal },
): Promise<PreparedBase> {
  const repository = parseRepository(task.repository);
  const authHeader = options.authHeader(repository.url);
  const mirror = await ensureMirror(options.mirrorRoot, repository, {
    ...(authHeader ? { authHeader } : {}),
    signal: options.signal,
  });
  const base = await resolveBase(mirror, task.base);
  await pinRef(mirror, `base/${task.id}`, base.commit);
  return { mirror, baseCommit: base.commit, baseRef: base.ref };
}
