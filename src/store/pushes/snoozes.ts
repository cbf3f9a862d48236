import { sql } from "kysely";
import { invariant } from "../../core/base/invariant.ts";
import { type Db, poolOf, type Tx } from "../database/schema.ts";
import { isReplaced, isSettled } from "./notifications.ts";

/** Tasks that a person put off: a row counts until its time, and is of no use afterwards. */

/** Puts a task off from now on, or ends that (0 ms). Returns until when. */
export async function setSnooze(tx: Tx, taskId: string, ms: number): Promise<Date> {
  const { rows } = await sql<{ until: Date }>`
    insert into snoozes (task_id, until) values (${taskId}, now() + ${ms}::float8 * interval '1 millisecond')
      on conflict (task_id) do update set until = excluded.until, created_at = now()
      returning until`.execute(tx);
  const [row] = rows;
  invariant(row, "an upsert returns its row");
  return row.until;
}

/**
 * Has what still waits for a person ring at that time, also where it rang before. A second ring that is
 * to come keeps its row: it is put off when it is due.
 */
export async function ringAt(tx: Tx, taskId: string, until: Date): Promise<void> {
  await sql`update notifications n set sent_at = null, attempts = 0, last_error = null, claimed_until = null,
      next_at = ${until}, held_until = ${until}, held_from = null
    where n.task_id = ${taskId} and n.channel <> 'webhook' and n.payload -> 'again' is null
      and n.payload ->> 'type' in ('question.asked', 'task.completed', 'task.failed', 'task.needs_person')
      and not (${isReplaced}) and not (${isSettled})`.execute(tx);
}

/** Tells every process that the times of pushes changed; to be called after the commit. */
export function tellPushes(db: Db): void {
  db[poolOf]?.notifier.send(["pushes"]);
}

/** Until when each task is put off that is now. */
export async function listSnoozes(db: Db): Promise<Map<string, Date>> {
  const { rows } = await sql<{ taskId: string; until: Date }>`
    select task_id, until from snoozes where until > now()`.execute(db);
  return new Map(rows.map(({ taskId, until }) => [taskId, until]));
}
