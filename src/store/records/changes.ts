import { sql } from "kysely";
import type { Changes, TaskChange } from "../../core/page/changes.ts";
import type { TaskState } from "../../core/task/lifecycle.ts";
import type { Db } from "../database/schema.ts";

/**
 * Which tasks have new events, for one reader of all of them. An event has its number before its
 * transaction commits, so across tasks a lower number may appear after a higher one, and whoever asks
 * for "numbers above the last" loses it. Here the cursor is a snapshot of PostgreSQL: which transactions
 * were over when it was taken. An event belongs to the next answer exactly if its transaction was not
 * over in the snapshot of the last one and is visible now. So each commit is in one answer, at once,
 * however long another transaction takes. Pruning a task deletes its events and appends one.
 */
export async function readChanges(db: Db, text: string | null): Promise<Changes> {
  const cursor = text === null ? null : parseCursor(text);
  const since = cursor?.snapshot ?? null;
  const { rows } = await sql<Row>`
    with fresh as materialized (
      select task_id from events
      where xid >= pg_snapshot_xmin(${since}::pg_snapshot)
        and not pg_visible_in_snapshot(xid, ${since}::pg_snapshot)
      limit ${maxEvents + 1}
    ), ids as (
      select distinct task_id from fresh limit ${maxTasks + 1}
    )
    select series, pg_current_snapshot()::text as snapshot,
      pg_snapshot_xmax(${since}::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()) as is_ahead,
      (select count(*)::int from fresh) as events,
      (select jsonb_agg(jsonb_build_object('id', t.id, 'state', t.state, 'at', t.updated_at))
         from ids join tasks t on t.id = ids.task_id) as tasks
    from event_stream`.execute(db);
  const [row] = rows;
  if (!row) throw new Error("the table event_stream has lost its row");
  const now = writeCursor(row);
  if (text === null) return { cursor: now, tasks: [], reason: null };
  const isKnown = cursor !== null && cursor.series === row.series && !row.isAhead;
  if (!isKnown)
    return { cursor: now, tasks: null, reason: "The cursor is not of this daemon's database." };
  const tasks = (row.tasks ?? []).map(toChange);
  if (tasks.length > maxTasks || row.events > maxEvents)
    return { cursor: now, tasks: null, reason: "More happened meanwhile than is told one by one." };
  return { cursor: now, tasks, reason: null };
}

/**
 * To be called when a daemon starts. Rows that came from another server by a dump may be of transactions
 * that this one has yet to reach: they become old, and earlier cursors end.
 */
export async function settleTransactions(db: Db): Promise<void> {
  await sql`
    with moved as (
      update events set xid = '0'::xid8
      where xid >= pg_snapshot_xmax(pg_current_snapshot()) returning 1
    )
    update event_stream set series = left(md5(random()::text), 8)
    where exists (select from moved)`.execute(db);
}

type Row = {
  series: string;
  snapshot: string;
  isAhead: boolean | null;
  events: number;
  tasks: { id: string; state: TaskState; at: string }[] | null;
};

const maxEvents = 50_000;
const maxTasks = 500;

/** Snapshots name each open transaction; where very many are open, some commits are told twice instead. */
const maxOpen = 50;

function writeCursor({ series, snapshot }: Row): string {
  const [least = "", , open = ""] = snapshot.split(":");
  const isShort = open.split(",").length <= maxOpen;
  return `${series}.${isShort ? snapshot : `${least}:${least}:`}`;
}

function parseCursor(text: string): { series: string; snapshot: string } | null {
  const [, series, snapshot = ""] =
    /^([0-9a-f]{8})\.(\d{1,19}:\d{1,19}:(?:\d{1,19}(?:,\d{1,19})*)?)$/.exec(text) ?? [];
  if (series === undefined) return null;
  const [least = 0n, next = 0n, ...open] = snapshot.split(/[:,]/).filter(Boolean).map(BigInt);
  // As the server writes one, which it also insists on.
  const isOrdered = open.every((id, index) => (open[index - 1] ?? least) <= id && id < next);
  const isWhole = 0n < least && least <= next && isOrdered && open.length <= maxOpen;
  return isWhole ? { series, snapshot } : null;
}

function toChange({ at, id, state }: { id: string; state: TaskState; at: string }): TaskChange {
  return { id, state, updatedAt: new Date(at) };
}
