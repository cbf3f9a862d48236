import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import type { Claim } from "../../core/task/outcome.ts";
import type { Connection } from "../database/open.ts";
import type { Db, Tx } from "../database/schema.ts";
import { isFrozen } from "../records/freezes.ts";

/**
 * Daemons and workers register here. A registered process proves that it is alive by an advisory
 * lock on a connection that it uses for nothing else: when the process dies, however it dies,
 * PostgreSQL releases the lock at once, and what the process owned can be claimed. No client clock
 * is involved.
 */
export type RegisteredProcess = {
  id: string;
  /** Take the lock again on a new connection after the old one was lost. Throws while it cannot. */
  rejoin(): Promise<void>;
  /** Mark the process ended, in order, and release its lock. */
  release(): Promise<void>;
};

/** Only one daemon at a time runs on a database: it holds this lock. */
const daemonSeat = "deputy daemon";

/** The server needs a moment to notice that the previous daemon was killed. */
const seatPatienceMs = 2_000;

/** A remote server notices within half a minute that this machine is gone, not within hours. */
const keepalives =
  "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4";

/** Register this process. Null when another daemon holds the lock that only one daemon may hold. */
export async function registerProcess(
  db: Db,
  connection: Connection,
  own: {
    id: string;
    kind: "daemon" | "worker";
    pid: number;
    startTicks: string | null;
    host: string;
    version: string;
    /** How many attempts it runs at once. */
    slots: number;
  },
  onLost: (error: Error) => void,
): Promise<RegisteredProcess | null> {
  let current: pg.Client | null = null;
  let released = false;
  const connect = async (): Promise<boolean> => {
    const client = new pg.Client({
      ...connection,
      application_name: `deputy ${own.kind}`,
      keepAlive: true,
      options: `${keepalives} -c search_path=app`,
    });
    let lost = false;
    const lose = (error: Error) => {
      if (lost || released || current !== client) return;
      lost = true;
      onLost(error);
    };
    client.on("error", lose);
    client.on("end", () => lose(new Error("the connection was closed")));
    await client.connect();
    const names = own.kind === "daemon" ? [daemonSeat, own.id] : [own.id];
    for (const name of names) {
      const { rows } = await client.query(
        "select pg_try_advisory_lock(hashtextextended($1, 7)) as ok",
        [name],
      );
      if (rows[0]?.ok !== true) {
        await client.end();
        return false;
      }
    }
    current = client;
    return true;
  };
  for (const until = Date.now() + seatPatienceMs; !(await connect()); ) {
    if (Date.now() > until) return null;
    await sleep(50);
  }
  await db.insertInto("processes").values(own).execute();
  return {
    id: own.id,
    rejoin: async () => {
      if (!(await connect())) throw new Error(`the lock of ${own.id} is not free yet`);
      // A machine that slept for months may find its row deleted.
      await current?.query(
        `insert into processes (id, kind, pid, start_ticks, host, version, slots)
          values ($1, $2, $3, $4, $5, $6, $7)
          on conflict (id) do update set ended_at = null, heartbeat_at = now()`,
        [own.id, own.kind, own.pid, own.startTicks, own.host, own.version, own.slots],
      );
    },
    release: async () => {
      released = true;
      await db
        .updateTable("processes")
        .set({ endedAt: new Date(), endedCleanly: true })
        .where("id", "=", own.id)
        .execute();
      await current?.end();
    },
  };
}

/**
 * The heartbeat: renews the leases of `claims`, and no others, for `leaseMs` by the database's
 * clock. A lease that nobody works on (its report could not be written, its claim was never
 * answered) expires, and the checker finds it. Returns lost claims, cancelled and paused tasks, and
 * whether Deputy is frozen.
 */
export async function renewLeases(
  db: Db,
  processId: string,
  leaseMs: number,
  claims: readonly Claim[],
): Promise<{
  lost: Claim[];
  cancelledTasks: string[];
  pausedTasks: string[];
  isFrozen: boolean;
}> {
  const idOf = ({ taskId, subtaskId }: Claim) => subtaskId ?? taskId;
  const ids = claims.map(idOf);
  const epochs = claims.map(({ epoch }) => epoch);
  const { rows } = await sql<{
    id: string;
    cancelled: boolean;
    paused: boolean;
    frozen: boolean;
    taskId: string;
  }>`
    with beat as (
      update processes set heartbeat_at = now() where id = ${processId}
    ), mine as (
      select * from unnest(${ids}::text[], ${epochs}::int[]) as m (id, epoch)
    ), t as (
      update tasks set hold_at = now() + ${leaseMs} * interval '1 ms' from mine
        where tasks.id = mine.id and tasks.epoch = mine.epoch and hold_kind = 'lease' and hold_owner = ${processId}
        returning tasks.id, tasks.id as task_id
    ), s as (
      update subtasks set hold_at = now() + ${leaseMs} * interval '1 ms' from mine
        where subtasks.id = mine.id and subtasks.epoch = mine.epoch and hold_kind = 'lease' and hold_owner = ${processId}
        returning subtasks.id, subtasks.task_id
    )
    select held.id, held.task_id, tasks.cancel_requested_at is not null as cancelled,
        tasks.paused_at is not null as paused, ${isFrozen} as frozen
      from (select * from t union all select * from s) held join tasks on tasks.id = held.task_id`.execute(
    db,
  );
  const held = new Set(rows.map(({ id }) => id));
  return {
    lost: claims.filter((claim) => !held.has(idOf(claim))),
    pausedTasks: rows.filter(({ paused }) => paused).map(({ taskId }) => taskId),
    isFrozen: rows.some(({ frozen }) => frozen),
    cancelledTasks: rows.filter(({ cancelled }) => cancelled).map(({ taskId }) => taskId),
  };
}

/** How long a process on another host may take to reconnect. */
const silenceSeconds = 30;

/**
 * Processes that hold no lock and did not end in order, or left leases. A lock is also lost when
 * the server restarts, so one more sign is required: the process is gone from this host (by
 * `isAlive`), or it has been silent. Never includes `self`.
 */
export async function listDeadProcesses(
  db: Db,
  self: string,
  host: string,
  isAlive: (process: { pid: number; startTicks: string | null }) => boolean,
): Promise<{ id: string; host: string }[]> {
  const { rows } = await sql<{
    id: string;
    host: string;
    pid: number;
    startTicks: string | null;
    silent: boolean;
  }>`
    select id, host, pid, start_ticks,
        greatest(heartbeat_at, pg_postmaster_start_time()) < now() - ${silenceSeconds} * interval '1 second' as silent
      from processes b where id <> ${self}
      and (ended_at is null
        or exists (select 1 from tasks where hold_kind = 'lease' and hold_owner = b.id)
        or exists (select 1 from subtasks where hold_kind = 'lease' and hold_owner = b.id))
      and not exists (
        select 1 from pg_locks l where l.locktype = 'advisory' and l.objsubid = 1
          and l.database = (select oid from pg_database where datname = current_database())
          and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(b.id, 7))`.execute(
    db,
  );
  return rows.filter((found) => found.silent || (found.host === host && !isAlive(found)));
}

/** The process has finished its first stage. */
export async function markProgress(db: Db, id: string): Promise<void> {
  await sql`update processes set progressed_at = now()
    where id = ${id} and progressed_at is null`.execute(db);
}

export type Boot = { endedCleanly: boolean; progressedAt: Date | null };

/** The daemons that started in the last minutes and since the last thaw, without `self`; last first. */
export async function listBoots(db: Db | Tx, self: string, minutes: number): Promise<Boot[]> {
  const { rows } = await sql<Boot>`
    select ended_cleanly, progressed_at from processes
      where kind = 'daemon' and id <> ${self}
        and started_at > now() - ${minutes} * interval '1 minute'
        and started_at > coalesce((select max(thawed_at) from freezes), '-infinity')
      order by started_at desc`.execute(db);
  return rows;
}

export async function markProcessEnded(db: Db, id: string): Promise<void> {
  await db.updateTable("processes").set({ endedAt: new Date() }).where("id", "=", id).execute();
}

export async function recordChild(
  db: Db,
  process: { processId: string; pid: number; startTicks: string; what: string },
): Promise<void> {
  await db
    .insertInto("childProcesses")
    .values(process)
    .onConflict((c) => c.doNothing())
    .execute();
}

export async function forgetChild(
  db: Db,
  process: { processId: string; pid: number; startTicks: string },
): Promise<void> {
  await db
    .deleteFrom("childProcesses")
    .where("processId", "=", process.processId)
    .where("pid", "=", process.pid)
    .where("startTicks", "=", process.startTicks)
    .execute();
}

export async function listChildren(db: Db, processId: string) {
  return db.selectFrom("childProcesses").selectAll().where("processId", "=", processId).execute();
}

export async function forgetChildren(db: Db, processId: string): Promise<void> {
  await db.deleteFrom("childProcesses").where("processId", "=", processId).execute();
}
