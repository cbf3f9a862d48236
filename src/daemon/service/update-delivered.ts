import type { Config } from "../../config/config.ts";
import { DeputyError } from "../../core/base/error.ts";
import { invariant } from "../../core/base/invariant.ts";
import type { BaseUpdate, Task } from "../../core/task/task.ts";
import type { TaskDetail } from "../../core/task/task-detail.ts";
import type { FindForge } from "../../delivery/forges/pull-forge.ts";
import { requireDelivered } from "../../delivery/hand-over.ts";
import type { DeliveredWork } from "../../delivery/look-at-delivered.ts";
import { updateBranch } from "../../delivery/update-branch.ts";
import { describeUpdate, updateTask } from "../../orchestrator/commands/update.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import { forPerson, type OnMirror } from "../../recovery/on-mirror.ts";
import { makePrepareAgain } from "../../wiring/prepare-again.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";
import type { AuthHeader } from "../../worktree/mirror/transport.ts";
import { findWriter } from "./comment-place.ts";
import { type FindDeps, findWhole } from "./find-task.ts";
import { noteDecided } from "./note-decided.ts";

type Deps = AdvanceDeps &
  FindDeps & {
    config: Config;
    mirrors: Mirrors;
    authHeader: AuthHeader;
    findForge: FindForge;
    onMirror: OnMirror;
  };

/** Why delivered work is not brought up to date, by what became of it. */
const whyNot: Partial<Record<DeliveredWork, string>> = {
  accepted: "was accepted already: its work is merged.",
  merged: "was merged already, so it counts as accepted.",
  closed: "was closed there without a merge, so it counts as discarded.",
  gone: "is not there any more: nothing is left to bring up to date.",
};

/** `deputy update`: what it does, in one sentence, and the task then. */
export async function updateDelivered(
  deps: Deps,
  reference: string,
): Promise<{ task: Task; detail: string }> {
  const found = await findWhole(deps, reference);
  const { task } = found;
  const { branch } = requireDelivered(task);
  const work = await noteDecided(deps, task);
  const why = whyNot[work];
  if (why) throw new DeputyError("conflict", `${task.deliveryUrl ?? branch} ${why}`);
  const about = { ...deps, prepare: makePrepareAgain(deps) };
  return forPerson(deps.onMirror, task, async () => {
    const { commit, name, updated } = await updateBranch(about, task);
    if (!updated) {
      const base = `${name} at ${commit.slice(0, 10)}`;
      return { task, detail: `${task.branch} is up to date with ${base} already` };
    }
    const { update } = updated;
    const comment =
      update.conflicts.length === 0
        ? null
        : await askToResolve(deps.mirrors, found, { ...update, name });
    const after = await updateTask(deps, task, updated, comment);
    const what = describeUpdate(name, update);
    return { task: after, detail: `${what}; follow it with: deputy watch ${task.id}` };
  });
}

/** The subtask that wrote the files last resolves the conflict; else the last one that is done. */
async function askToResolve(
  mirrors: Mirrors,
  { attempts, subtasks, task }: TaskDetail,
  { base, conflicts, name, work }: BaseUpdate & { name: string },
): Promise<{ subtaskId: string; text: string }> {
  invariant(task.preparation, "a task that delivered was prepared");
  const mirror = mirrors.at(task.preparation.mirror);
  const writer = await findWriter(mirror, attempts, conflicts);
  const done = subtasks.filter(({ state }) => state === "completed");
  const subtask = done.find(({ id }) => id === writer) ?? done.at(-1);
  invariant(subtask, "a task that delivered has a part that is done");
  const short = (commit: string) => commit.slice(0, 10);
  const text = `${name} has moved to ${short(base)} since the work was done, and was merged into it. They conflict in ${conflicts.join(", ")}. Each of these files holds both sides between conflict markers where both changed the same lines: \`<<<<<<< ${short(work)}…\` begins the work's, \`>>>>>>> ${short(base)}…\` ends those of ${name}. Resolve each so that the work does what it did, and what ${name} brought stays; leave no marker behind. A file that one side deleted is there as the other side has it: decide whether it stays.`;
  return { subtaskId: subtask.id, text };
}
