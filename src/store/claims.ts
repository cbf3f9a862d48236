import { sql } from "kysely";
import { slot } from "../core/hold.ts";
import type { SubtaskState, TaskState } from "../core/lifecycle.ts";
import type { Claim, StageName } from "../core/outcome.ts";
import type { Db } from "./schema.ts";

/** Finding what can be claimed, and what a boot holds. Reads only: claiming is the orchestrator's. */
export const subtaskStateOf = {
  execute: "ready",
  verify: "verifying",
  recover: "recovering",
  integrate: "integrating",
} as const satisfies Partial<Record<StageName, SubtaskState>>;

export const taskStatesOf = {
  plan: ["queued", "planning"],
  deliver: ["delivering"],
} as const satisfies Partial<Record<StageName, readonly TaskState[]>>;

/** Rows of a stage whose hold is its slot or a wake that is due, longest waiting first. */
export async function findCandidates(
  db: Db,
  stage: StageName,
  limit: number,
): Promise<{ taskId: string; subtaskId: string | null }[]> {
  const free = sql<boolean>`(hold_kind = 'dependency' and hold_on = ${[slot(stage)]}::text[] or hold_kind = 'wake' and hold_at <= now())`;
  if (stage === "plan" || stage === "deliver") {
    const rows = await db
      .selectFrom("tasks")
      .select("id as taskId")
      .where("state", "in", taskStatesOf[stage])
      .where(free)
      .orderBy("holdSince")
      .limit(limit)
      .execute();
    return rows.map(({ taskId }) => ({ taskId, subtaskId: null }));
  }
  let select = db
    .selectFrom("subtasks")
    .select(["taskId", "id as subtaskId"])
    .where("state", "=", subtaskStateOf[stage])
    .where(free)
    .orderBy("holdSince")
    .limit(limit);
  if (stage === "integrate") {
    // One merge at a time into a task branch.
    select = select.where(
      sql<boolean>`not exists (select 1 from subtasks o where o.task_id = subtasks.task_id and o.state = 'integrating' and o.hold_kind = 'lease')`,
    );
  }
  return select.execute();
}

const stageOfState: Record<string, StageName> = {
  planning: "plan",
  delivering: "deliver",
  running: "execute",
  verifying: "verify",
  recovering: "recover",
  integrating: "integrate",
};

/** What a boot holds leases on; with `expiredForMs`, only leases that ran out that long ago. */
export async function listClaimsOf(
  db: Db,
  bootId: string,
  expiredForMs: number | null = null,
): Promise<Claim[]> {
  const { rows } = await sql<{
    taskId: string;
    subtaskId: string | null;
    state: string;
    epoch: number;
    attemptId: string | null;
  }>`
    with held as (
      select id as task_id, null::text as subtask_id, state, epoch, null::text as attempt_id, hold_at
        from tasks where hold_kind = 'lease' and hold_owner = ${bootId}
      union all
      select task_id, id, state, epoch,
        (select a.id from attempts a where a.subtask_id = subtasks.id order by number desc limit 1), hold_at
        from subtasks where hold_kind = 'lease' and hold_owner = ${bootId})
    select task_id, subtask_id, state, epoch, attempt_id from held
      where ${expiredForMs}::float8 is null or hold_at < now() - ${expiredForMs}::float8 * interval '1 ms'`.execute(
    db,
  );
  return rows.map(({ state, ...row }) => ({ ...row, stage: stageOfState[state] ?? "plan" }));
}
