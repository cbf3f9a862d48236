import type { TaskPreview } from "../core/page/overview.ts";
import type { Task } from "../core/task/task.ts";
import { wantsPlan } from "../planner/wants-plan.ts";
import { roleAgent } from "../roles/run-role.ts";
import { inspectRepository } from "../verifier/checks/inspect-repository.ts";
import { ensureMirror, placeMirror, resolveBase } from "../worktree/mirror/mirror.ts";
import { withSoundMirror } from "../worktree/mirror/repair-mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { listFilesAt } from "../worktree/read/read-commit.ts";
import { makeAuthHeader } from "./github-access.ts";
import type { StageDeps } from "./wire-stages.ts";

type Draft = Pick<Task, "agent" | "assurance" | "base" | "checks" | "expectsChange" | "goal"> &
  Pick<Task, "mode" | "origin" | "planInput" | "repository">;

/**
 * What a task would start with, read from the base commit as its plan stage reads it, without creating
 * one. Throws a DeputyError where that stage would refuse it.
 */
export async function previewTask(
  { config, github, mirrors }: Pick<StageDeps, "config" | "github" | "mirrors">,
  task: Draft,
  signal: AbortSignal,
): Promise<TaskPreview> {
  const repository = parseRepository(task.repository);
  const header = await makeAuthHeader(config, github)(repository.url);
  const access = { signal, ...(header !== null && { authHeader: header }) };
  return withSoundMirror(placeMirror(mirrors, repository), repository, access, async () => {
    const mirror = await ensureMirror(mirrors, repository, access);
    const base = await resolveBase(mirror, task.base);
    const { checks, notes, setup } = await inspectRepository(mirror, base.commit, task.checks);
    const hasPlanner = () => roleAgent(config, "planner", task.repository) !== null;
    const countFiles = async () => (await listFilesAt(mirror, base.commit)).length;
    const wish = task.planInput
      ? { plan: false, why: "the plan is given" }
      : await wantsPlan(task, hasPlanner, countFiles);
    return {
      ...{ repository: task.repository, base: { ref: base.ref, commit: base.commit } },
      ...{ checks, setup, agent: task.agent, warnings: notes, why: wish.why },
      assurance: task.assurance ?? config.assurance,
      wouldAskPlanner: wish.plan,
    };
  });
}
