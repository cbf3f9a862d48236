import { sql } from "kysely";
import { isFrozenStage } from "../../core/task/freeze.ts";
import { slot } from "../../core/task/hold.ts";
import type { SubtaskState, TaskState } from "../../core/task/lifecycle.ts";
import type { Claim, StageName } from "../../core/task/outcome.ts";
import type { Db } from "../database/schema.ts";
import { isFrozen } from "../records/freezes.ts";

/** Reads claimable rows and the leases of a process. Claiming itself is the orchestrator's. */
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

/**
 * Rows of a stage whose hold is its slot or a wake that is due, longest waiting first, without
 * those in `tried`. None while Deputy is frozen.
 */
export async function findCandidates(
  db: Db,
  stage: StageName,
  limit: number,
  tried: readonly string[],
): Promise<{ taskId: string; subtaskId: string | null }[]> {
  const isOpen = isFrozenStage(stage) ? sql<boolean>`not ${isFrozen}` : sql<boolean>`true`;
  const free = sql<boolean>`(hold_kind = 'dependency' and hold_on = ${[slot(stage)]}::text[] or hold_kind = 'wake' and hold_at <= now()) and ${isOpen}`;
  const asked = db;
  if (stage === "plan" || stage === "deliver") {
    // One query per state: the index yields the longest waiting of one state without reading the
    // others, however many there are.
    const inState = (state: TaskState) =>
      asked
        .selectFrom("tasks")
        .select(["id as taskId", "holdSince"])
        .where("state", "=", sql.lit(state))
        .where(free)
        .where(sql<boolean>`id <> all(${tried}::text[])`)
        .orderBy("holdSince")
        .limit(limit)
        .execute();
    const rows = (await Promise.all(taskStatesOf[stage].map(inState))).flat();
    rows.sort((a, b) => Number(a.holdSince) - Number(b.holdSince));
    return rows.slice(0, limit).map(({ taskId }) => ({ taskId, subtaskId: null }));
  }
  let select = asked
    .selectFrom("subtasks")
    .select(["taskId", "id as subtaskId"])
    .where("state", "=", sql.lit(subtaskStateOf[stage]))
    .where(free)
    .where(sql<boolean>`id <> all(${tried}::text[])`)
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

/** Rows whose wake's reason starts with `reason`, with the stage that they wait for. */
export async function listHeldForSpace(
  db: Db,
  reason: string,
): Promise<{ taskId: string; subtaskId: string | null; stage: StageName }[]> {
  const { rows } = await sql<{ taskId: string; subtaskId: string | null; state: string }>`
    select id as task_id, null::text as subtask_id, state from tasks
      where hold_kind = 'wake' and starts_with(hold_reason, ${reason})
    union all
    select task_id, id, state from subtasks
      where hold_kind = 'wake' and starts_with(hold_reason, ${reason})`.execute(db);
  return rows.map(({ state, ...row }) => ({ ...row, stage: stageOfState[state] ?? "plan" }));
}

/** What claims work in this state. */
export const stageOfState: Record<string, StageName> = {
  planning: "plan",
  ready: "execute",
  delivering: "deliver",
  running: "execute",
  verifying: "verify",
  recovering: "recover",
  integrating: "integrate",
};

type LeaseRow = {
  taskId: string;
  subtaskId: string | null;
  state: string;
  epoch: number;
  attemptId: string | null;
  owner: string;
};

const leases = sql`
  select id as task_id, null::text as subtask_id, state, epoch, null::text as attempt_id, hold_owner as owner, hold_at
    from tasks where hold_kind = 'lease'
  union all
  select task_id, id, state, epoch,
    (select a.id from attempts a where a.subtask_id = subtasks.id order by number desc limit 1), hold_owner, hold_at
    from subtasks where hold_kind = 'lease'`;

/** The claims that a process holds leases on. */
export async function listClaimsOf(db: Db, processId: string): Promise<Claim[]> {
  const { rows } =
    await sql<LeaseRow>`select * from (${leases}) held where owner = ${processId}`.execute(db);
  return rows.map((row) => toLease(row).claim);
}

/** The lease on a task or subtask as its owner's claim, when it expired or its owner is unknown. */
export async function findUnsoundLease(
  db: Db,
  id: string,
): Promise<{ claim: Claim; owner: string } | null> {
  const { rows } = await sql<LeaseRow>`
    select * from (${leases}) held where coalesce(subtask_id, task_id) = ${id}
      and (hold_at < now() or owner not in (select id from processes))`.execute(db);
  return rows[0] ? toLease(rows[0]) : null;
}

function toLease({ state, owner, taskId, subtaskId, attemptId, epoch }: LeaseRow): {
  claim: Claim;
  owner: string;
} {
  const stage = stageOfState[state] ?? "plan";
  return { claim: { stage, taskId, subtaskId, attemptId, epoch }, owner };
}
