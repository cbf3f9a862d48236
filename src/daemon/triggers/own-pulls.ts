import type { Task } from "../../core/task/task.ts";
import type { EventForge } from "../../delivery/forges/event-forge.ts";
import type { Forge } from "../../delivery/github/forge.ts";
import { callPerson } from "../../orchestrator/commands/call-person.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import { listOpenPulls, listTasksOfBranch } from "../../store/tasks/find-about.ts";
import { listRepairs, recordRepair } from "../../store/triggers/repairs.ts";
import { keepThreads } from "../../store/triggers/review-threads.ts";
import type { OwnPullDeps } from "../../triggers/github/inbox-deps.ts";

/** What looking after pull requests of ours does here. */
export function makeOwnPulls(deps: {
  db: Db;
  intake: AdvanceDeps;
  /** Reviews are GitHub's alone. */
  forge: EventForge & Partial<Pick<Forge, "listReviewThreads">>;
  update: (taskId: string) => Promise<{ detail: string }>;
  /** Whether what a task delivered is in that repository of this forge: another may have a namesake. */
  isHere: (task: Pick<Task, "repository" | "deliveryUrl">, name: string) => boolean;
}): OwnPullDeps {
  const { db, forge, intake, isHere, update } = deps;
  return {
    listOpenPulls: async (repository) =>
      (await listOpenPulls(db, repository)).filter((task) => isHere(task, repository)),
    update: async (id) => (await update(id)).detail,
    findDelivered: async (repository, head) =>
      (await listTasksOfBranch(db, repository, head)).find((task) => isHere(task, repository)) ??
      null,
    readPull: (place) => forge.readPullRequest(place),
    listChecks: (repository, commit) => forge.listChecks(repository, commit),
    readFailure: (repository, run) => forge.readCheckFailure(repository, run),
    listRepairs: (taskId, kind) => listRepairs(db, taskId, kind),
    recordRepair: (taskId, kind, repair) => recordRepair(db, taskId, kind, repair),
    tell: async (target, id, body) => {
      await forge.upsertComment({ target, body, taskId: `${id}:checks`, known: null });
    },
    listThreads: async (place, reviewId) =>
      (await forge.listReviewThreads?.(place, reviewId)) ?? [],
    keepThreads: (taskId, review) => keepThreads(db, taskId, review),
    callPerson: async (id, why) => void (await callPerson(intake, id, why)),
  };
}
