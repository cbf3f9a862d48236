import { sql } from "kysely";
import type { Db } from "./schema.ts";

/**
 * Whether every hold is sound. That each open row has exactly one hold is the database's to say;
 * that it will end is this checker's: a lease has a live owner, a wake or a slot has a stage that
 * will come by, a question was really asked, a dependency is not on something that is over.
 */
export type UnsoundHold = { taskId: string; subtaskId: string | null; problem: string };

export async function findUnsoundHolds(db: Db): Promise<UnsoundHold[]> {
  const { rows } = await sql<UnsoundHold>`
    with held as (
      select id as task_id, null::text as subtask_id, state, hold_kind, hold_owner, hold_at, hold_question_id, hold_on, hold_since
        from tasks where hold_kind is not null
      union all
      select s.task_id, s.id, s.state, s.hold_kind, s.hold_owner, s.hold_at, s.hold_question_id, s.hold_on, s.hold_since
        from subtasks s join tasks t on t.id = s.task_id
        where s.hold_kind is not null and t.state not in ('completed', 'failed', 'cancelled')
    )
    select task_id, subtask_id, 'the lease belongs to ' || hold_owner || ', which is not registered' as problem
      from held where hold_kind = 'lease' and not exists (select 1 from boots b where b.id = hold_owner)
    union all
    select task_id, subtask_id, 'the lease ran out ' || (now() - hold_at)::text || ' ago and its owner has not renewed it'
      from held where hold_kind = 'lease' and hold_at < now() - interval '5 minutes'
    union all
    select task_id, subtask_id, 'the wake was due ' || (now() - hold_at)::text || ' ago'
      from held where hold_kind = 'wake' and hold_at < now() - interval '10 minutes'
    union all
    select task_id, subtask_id, 'it waits for the answer to a question that is not open'
      from held where hold_kind = 'question'
        and not exists (select 1 from questions q where q.id = hold_question_id and q.answered_at is null)
    union all
    select task_id, subtask_id, 'it waits for ' || array_to_string(hold_on, ', ') || ', and none of these is still to come'
      from held h where hold_kind = 'dependency' and not hold_on[1] like 'slot:%'
        and not exists (select 1 from subtasks s where s.id = any(h.hold_on) and s.state not in ('completed', 'superseded', 'cancelled')
          and (s.state <> 'failed' or h.subtask_id is not null))`.execute(db);
  return rows;
}
