import { gather } from "../core/gather.ts";
import type { Claim, Outcome } from "../core/outcome.ts";
import { GarbledRow } from "../store/garbled.ts";
import { inTransition, lockTasks } from "../store/transition.ts";
import { type AdvanceDeps, type Advanced, advance, applyReport } from "./advance.ts";

type Report = { claim: Claim; outcome: Outcome };

/**
 * `advance` for a process in which many stages end at once: what is reported while a transition is
 * under way shares the next one, so that their statements share their ways to the database and one
 * commit. What cannot be applied together is applied alone, and only what is to blame is refused.
 */
export function advanceTogether(
  deps: AdvanceDeps,
  owner: string,
): (claim: Claim, outcome: Outcome) => Promise<Advanced> {
  const share = gather((reports: Report[]) => advanceAll(deps, owner, reports), maxTogether);
  return async (claim, outcome) => {
    const done = await share({ claim, outcome });
    if (done.status === "rejected") throw done.reason;
    return done.value;
  };
}

const maxTogether = 16;

async function advanceAll(
  deps: AdvanceDeps,
  owner: string,
  reports: readonly Report[],
): Promise<PromiseSettledResult<Advanced>[]> {
  const each = () =>
    Promise.allSettled(reports.map(({ claim, outcome }) => advance(deps, owner, claim, outcome)));
  // Two of one task come one after the other.
  const isMixed = new Set(reports.map(({ claim }) => claim.taskId)).size < reports.length;
  if (reports.length === 1 || isMixed) return each();
  try {
    const done = await inTransition(deps.db, async (tx) => {
      const taskIds = reports.map(({ claim }) => claim.taskId);
      const { garbled, tasks, subtasks } = await lockTasks(tx, taskIds, { withSubtasks: true });
      return Promise.all(
        reports.map(({ claim, outcome }) => {
          const bad = garbled.get(claim.taskId);
          if (bad) throw new GarbledRow(bad);
          const task = tasks.get(claim.taskId);
          if (!task) return "stale";
          const own = [...subtasks.values()].filter(({ taskId }) => taskId === claim.taskId);
          return applyReport(tx, deps.announce, { task, subtasks: own }, owner, claim, outcome);
        }),
      );
    });
    return done.map((value) => ({ status: "fulfilled", value }));
  } catch {
    return each(); // whose fault it was is told there
  }
}
