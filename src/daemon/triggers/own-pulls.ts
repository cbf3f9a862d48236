import type { Forge } from "../../delivery/github/forge.ts";
import { callPerson } from "../../orchestrator/commands/call-person.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import { findTaskOfBranch } from "../../store/tasks/find-about.ts";
import { listRepairs, recordRepair } from "../../store/triggers/repairs.ts";
import { keepThreads } from "../../store/triggers/review-threads.ts";
import type { OwnPullDeps } from "../../triggers/github/inbox-deps.ts";

/** What looking after pull requests of ours does here. */
export function makeOwnPulls(deps: { db: Db; intake: AdvanceDeps; forge: Forge }): OwnPullDeps {
  const { db, forge, intake } = deps;
  return {
    findDelivered: (repository, branch) => findTaskOfBranch(db, repository, branch),
    readPull: (place) => forge.readPullRequest(place),
    listChecks: (repository, commit) => forge.listChecks(repository, commit),
    readFailure: (repository, run) => forge.readCheckFailure(repository, run),
    listRepairs: (taskId, kind) => listRepairs(db, taskId, kind),
    recordRepair: (taskId, kind, repair) => recordRepair(db, taskId, kind, repair),
    tell: async (target, id, body) => {
      await forge.upsertComment({ target, body, taskId: `${id}:checks`, known: null });
    },
    listThreads: (place, reviewId) => forge.listReviewThreads(place, reviewId),
    keepThreads: (taskId, review) => keepThreads(db, taskId, review),
    callPerson: async (id, why) => void (await callPerson(intake, id, why)),
  };
}
