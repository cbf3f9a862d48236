import { sql } from "kysely";
import type { AgentLimit } from "../../core/page/machines.ts";
import { terminalSubtaskStates } from "../../core/task/lifecycle.ts";
import type { Db } from "../database/schema.ts";

/**
 * The providers' limits that are known now, one for each agent: of attempts that a limit ended, until
 * the time that the provider named, or while their subtask waits where it named none; and of planners
 * and reviewers, while their stage waits. An attempt that the agent has finished since refutes it.
 */
export async function listLimits(db: Db): Promise<(AgentLimit & { agent: string })[]> {
  const { rows } = await sql<AgentLimit & { agent: string }>`
    with attempted as (
      select a.agent, s.ending->>'detail' as reason, (s.ending->>'retryAt')::timestamptz as resets_at,
          a.ended_at as since, s.hold_kind = 'wake' and s.hold_at > now() as waits
        from subtasks s
        join lateral (
          select agent, ended_at, failure from attempts
            where subtask_id = s.id and ended_at is not null order by number desc limit 1
        ) a on a.failure = 'rate_limit_window' or a.failure = 'model_unavailable' and s.ending->>'retryAt' is not null
        where s.state not in (${sql.join(terminalSubtaskStates.map((state) => sql.lit(state)))})
          -- A part that is planned is a planner's, whatever agent works on it later.
          and s.kind not in ('plan', 'replan') and s.ending->>'failure' = a.failure
    ), stages as (
      select e.data->>'agent' as agent, e.data->>'detail' as reason,
          (e.data->>'resets_at')::timestamptz as resets_at, e.at as since, true as waits
        from (
          select id as task_id, null::text as subtask_id from tasks
            where state = 'planning' and hold_kind = 'wake' and hold_at > now() and postponed > 0
          union all
          select task_id, id from subtasks
            where state = 'verifying' and hold_kind = 'wake' and hold_at > now() and postponed > 0
        ) w
        join lateral (
          select data, at from events where task_id = w.task_id and type = 'stage.parked'
            and subtask_id is not distinct from w.subtask_id order by seq desc limit 1
        ) e on e.data->>'agent' is not null
    ), told as (
      select * from attempted where waits or resets_at > now()
      union all
      select * from stages
    ), worked as (
      select agent, max(started_at) as at from attempts
        where end_reason = 'done' and agent in (select agent from told) group by agent
    )
    select distinct on (agent) agent, reason, resets_at, told.since,
        (count(*) filter (where waits) over (partition by agent))::int as waiting
      from told left join worked using (agent)
      where worked.at is null or worked.at <= told.since
      order by agent, resets_at desc nulls last, told.since desc`.execute(db);
  return rows;
}
