import { basename, join } from "node:path";
import type { WarmRepository } from "../core/settings/readiness.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import { makeCheckSandbox } from "../roles/box.ts";
import { inspectRepository } from "../verifier/checks/inspect-repository.ts";
import { warmUp } from "../verifier/place/warm-up.ts";
import { fetchContent } from "../worktree/content/fetch-content.ts";
import { ensureMirror, placeMirror, resolveBase } from "../worktree/mirror/mirror.ts";
import { withSoundMirror } from "../worktree/mirror/repair-mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { makeCommandEnvironment } from "./command-environment.ts";
import { makeAuthHeader } from "./github-access.ts";
import type { StageDeps } from "./wire-stages.ts";

/**
 * Prepares a repository's base as the first task on it would: fetched, and its setup run, as the base
 * commit says. `base` null: the branch that the repository has checked out, or its default one. Throws
 * a DeputyError where that cannot be read.
 */
export async function warmRepository(
  deps: Omit<StageDeps, "db" | "redact">,
  { base, repository: text }: { repository: string; base: string | null },
  signal: AbortSignal,
): Promise<WarmRepository> {
  const { config, github, mirrors, prepared, self } = deps;
  const repository = parseRepository(text);
  const authHeader = makeAuthHeader(config, github);
  const header = await authHeader(repository.url);
  const access = { signal, ...(header !== null && { authHeader: header }) };
  const placed = placeMirror(mirrors, repository);
  return withSoundMirror(placed, repository, access, async () => {
    const mirror = await ensureMirror(mirrors, repository, access);
    const head = await resolveBase(mirror, base);
    await fetchContent(mirror, repository, head.commit, { authHeader, signal, mayAsk: true });
    const { registries, setup, sparse, tools } = await inspectRepository(mirror, head.commit, []);
    const readiness = await warmUp({
      ...{ mirror, repository: text, baseCommit: head.commit, setup, signal },
      sparse: sparseOf({ baseCommit: head.commit, sparse }),
      ...{ workRoot: config.paths.checks, env: makeCommandEnvironment(deps)(tools) },
      logRoot: join(config.paths.logs, "warm", basename(mirror.gitDir)),
      sandbox: {
        ...makeCheckSandbox(deps, { repository: text, preparation: { registries } }),
        onDenials: () => {}, // kept with the result, for the tasks that get it
      },
      onProcess: self.trackChild(`setup of ${text}`),
      ...(prepared && { prepared }),
    });
    return { ...readiness, repository: text, baseRef: head.ref, baseCommit: head.commit, setup };
  });
}
