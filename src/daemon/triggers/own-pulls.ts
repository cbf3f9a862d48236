import type { EventForge } from "../../delivery/forges/event-forge.ts";
import type { Forge } from "../../delivery/github/forge.ts";
import { callPerson } from "../../orchestrator/commands/call-person.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import { findTaskOfBranch, listOpenPulls } from "../../store/tasks/find-about.ts";
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
  /** Whether the repository of a task is that one of this forge; left out: its name is enough. */
  isHere?: (repository: string, name: string) => boolean;
}): OwnPullDeps {
  const { db, forge, intake, isHere = () => true, update } = deps;
  return {
    listOpenPulls: async (repository) =>
      (await listOpenPulls(db, repository)).filter((task) => isHere(task.repository, repository)),
    update: async (id) => (await update(id)).detail,
    findDelivered: async (repository, head) => {
      const task = await findTaskOfBranch(db, repository, head);
      return task && isHere(task.repository, repository) ? task : null;
    },
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
