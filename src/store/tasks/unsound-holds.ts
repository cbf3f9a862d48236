import { sql } from "kysely";
import type { UnsoundHold } from "../../core/ledger/task-ledger.ts";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import type { Db, Tx } from "../database/schema.ts";
import { subtaskStateOf, taskStatesOf } from "./claims.ts";

/**
 * Checks that every hold is sound. The database ensures that each open row has exactly one hold;
 * this checker, that the hold will end: a lease has an owner that renews it, a wake or slot has a
 * stage that will claim it, a question is open, a dependency is not on something that is over.
 */
const asWords = (states: readonly string[]) =>
  sql.raw(states.map((state) => `'${state}'`).join(", "));

/** The stage that claims a row waiting in a state, as rows of SQL. */
const stageOfState = sql.raw(
  [
    ...Object.entries(taskStatesOf).flatMap(([stage, states]) =>
      states.map((state) => ["task", state, stage]),
    ),
    ...Object.entries(subtaskStateOf).map(([stage, state]) => ["subtask", state, stage]),
  ]
    .map((row) => `(${row.map((word) => `'${word}'`).join(", ")})`)
    .join(", "),
);

export async function findUnsoundHolds(db: Db | Tx): Promise<UnsoundHold[]> {
  const { rows } = await sql<UnsoundHold>`
    with held as (
      select id as task_id, null::text as subtask_id, 'task' as what, state, hold_kind as kind, hold_owner, hold_at,
        hold_question_id, hold_on, hold_since
        from tasks where hold_kind is not null
      union all
      select s.task_id, s.id, 'subtask', s.state, s.hold_kind, s.hold_owner, s.hold_at,
        s.hold_question_id, s.hold_on, s.hold_since
        from subtasks s join tasks t on t.id = s.task_id
        where s.hold_kind is not null and t.state not in (${asWords(terminalTaskStates)})
    ), staged as (
      select held.*, stage from held left join (values ${stageOfState}) as v (of_what, of_state, stage)
        on of_what = what and of_state = state
    )
    select task_id, subtask_id, kind, 'the lease belongs to ' || hold_owner || ', which is not registered' as problem
      from held where kind = 'lease' and not exists (select 1 from processes b where b.id = hold_owner)
    union all
    -- Either its owner is heard of and does not renew it, or is not heard of at all (stopped, hanging).
    select task_id, subtask_id, held.kind, 'the lease ran out ' || case when isfinite(hold_at) then (now() - hold_at)::text else 'ages' end || ' ago and its owner has not renewed it'
      from held join processes on processes.id = hold_owner
      where held.kind = 'lease' and hold_at < now() and (heartbeat_at > hold_at or hold_at < now() - interval '5 minutes')
    union all
    -- A wake that is due may wait for a slot, as long as its stage is busy, and for the end of a
    -- freeze, which only recovery does not heed.
    select task_id, subtask_id, kind, 'the wake was due ' || case when isfinite(hold_at) then (now() - hold_at)::text else 'ages' end || ' ago'
      from staged where kind = 'wake' and hold_at < now() - interval '10 minutes'
        and (stage is null or stage = 'recover'
          or not exists (select 1 from freezes where coalesce(thawed_at, now()) > now() - interval '10 minutes'))
        and (stage is null or not exists (select 1 from held other where other.kind = 'lease' and other.what = staged.what
          and other.state = case staged.stage when 'execute' then 'running' when 'plan' then 'planning' else staged.state end))
    union all
    select task_id, subtask_id, kind, 'it waits for the answer to a question that is not open'
      from held where kind = 'question'
        and not exists (select 1 from questions q where q.id = hold_question_id and q.answered_at is null)
    union all
    select task_id, subtask_id, kind, 'it waits for ' || array_to_string(hold_on, ', ') || ', where nothing comes by for what is ' || state
      from staged where kind = 'dependency' and hold_on[1] like 'slot:%'
        and hold_on is distinct from array['slot:' || stage]
    union all
    select task_id, subtask_id, kind, 'it waits for ' || array_to_string(hold_on, ', ') || ', and none of these is still to come'
      from held h where kind = 'dependency' and not hold_on[1] like 'slot:%'
        and not exists (select 1 from subtasks s where s.id = any(h.hold_on) and s.state not in ('completed', 'superseded', 'cancelled')
          and (s.state <> 'failed' or h.subtask_id is not null))`.execute(db);
  return rows;
}
