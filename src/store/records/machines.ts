import { sql } from "kysely";
import type { Machine } from "../../core/page/machines.ts";
import type { TaskOrigin } from "../../core/task/task.ts";
import { titleOf } from "../../core/text/title.ts";
import type { Db } from "../database/schema.ts";
import { stageOfState } from "../tasks/claims.ts";

/** A title is made of the goal's beginning; a goal may be long. */
const goalLength = 500;

/**
 * The processes that are registered, the daemon first, with the claims in their hands. One that died a
 * moment ago is among them until it is found dead: `seenAt` says since when it is silent.
 */
export async function listMachines(db: Db): Promise<Machine[]> {
  const processes = await db
    .selectFrom("processes")
    .select(["id", "kind", "host", "pid", "version", "slots", "startedAt", "heartbeatAt"])
    .where("endedAt", "is", null)
    .orderBy("kind")
    .orderBy("startedAt")
    .execute();
  const { rows: claims } = await sql<{
    owner: string;
    taskId: string;
    subtask: string | null;
    state: string;
    since: Date;
    goal: string;
    origin: TaskOrigin;
  }>`
    select h.*, left(t.goal, ${goalLength}) as goal, t.origin from (
      select hold_owner as owner, id as task_id, null::text as subtask, state, hold_since as since
        from tasks where hold_kind = 'lease'
      union all
      select hold_owner, task_id, key, state, hold_since from subtasks where hold_kind = 'lease'
    ) h join tasks t on t.id = h.task_id order by h.since, h.task_id`.execute(db);
  return processes.map(({ heartbeatAt, slots, startedAt, ...process }) => {
    const runs = claims
      .filter(({ owner }) => owner === process.id)
      .map(({ goal, origin, since, state, subtask, taskId }) => ({
        ...{ taskId, subtask, since, title: titleOf({ goal, origin }) },
        stage: stageOfState[state] ?? "plan",
      }));
    const busy = runs.filter(({ stage }) => stage === "execute").length;
    const times = { since: startedAt, seenAt: heartbeatAt };
    return { ...process, ...times, slots: { total: slots ?? 0, busy }, runs };
  });
}
