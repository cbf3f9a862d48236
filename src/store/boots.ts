import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import pg from "pg";
import type { Claim } from "../core/outcome.ts";
import type { Connection } from "./open.ts";
import { together } from "./pipeline.ts";
import type { Db } from "./schema.ts";

/**
 * A boot is one life of one process. It proves that it lives by an advisory lock on a connection
 * held for nothing else: when the process dies, however it dies, Postgres frees the lock at once,
 * and whatever the boot owned is free. No clock of a client is involved.
 */
export type Boot = {
  id: string;
  /** Prove life again on a new connection, after the old one was lost. Throws while that cannot be. */
  rejoin(): Promise<void>;
  /** End it in order. */
  release(): Promise<void>;
};

/** Only one daemon at a time on one database: this lock is its seat. */
const daemonSeat = "deputy daemon";

/** The server needs a moment to notice that the last daemon was killed. */
const seatPatienceMs = 2_000;

/** A server elsewhere notices within half a minute that this machine is gone, not within hours. */
const keepalives =
  "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4";

/** Register a boot. Null when another daemon holds the seat. */
export async function registerBoot(
  db: Db,
  connection: Connection,
  boot: {
    id: string;
    kind: "daemon" | "worker";
    pid: number;
    startTicks: string | null;
    host: string;
  },
  onLost: (error: Error) => void,
): Promise<Boot | null> {
  let current: pg.Client | null = null;
  let released = false;
  const connect = async (): Promise<boolean> => {
    const client = new pg.Client({
      ...connection,
      application_name: `deputy ${boot.kind}`,
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
    const names = boot.kind === "daemon" ? [daemonSeat, boot.id] : [boot.id];
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
  await db.insertInto("boots").values(boot).execute();
  return {
    id: boot.id,
    rejoin: async () => {
      if (!(await connect())) throw new Error(`the lock of ${boot.id} is not free yet`);
      // A machine that slept for months may find even the row gone.
      await current?.query(
        `insert into boots (id, kind, pid, start_ticks, host) values ($1, $2, $3, $4, $5)
          on conflict (id) do update set ended_at = null, heartbeat_at = now()`,
        [boot.id, boot.kind, boot.pid, boot.startTicks, boot.host],
      );
    },
    release: async () => {
      released = true;
      await db
        .updateTable("boots")
        .set({ endedAt: new Date() })
        .where("id", "=", boot.id)
        .execute();
      await current?.end();
    },
  };
}

/**
 * The heartbeat: by the database's clock, renew the leases of the claims in hand for `leaseMs`, and
 * no others. A lease that nobody works on any more (its report could not be written, its claim was
 * never answered) runs out, and the checker finds it. Returns what the owner missed meanwhile.
 */
export async function renewLeases(
  db: Db,
  bootId: string,
  leaseMs: number,
  claims: readonly Claim[],
): Promise<{ lost: Claim[]; cancelledTasks: string[]; pausedTasks: string[] }> {
  const idOf = ({ taskId, subtaskId }: Claim) => subtaskId ?? taskId;
  const ids = claims.map(idOf);
  const epochs = claims.map(({ epoch }) => epoch);
  const { rows } = await sql<{ id: string; cancelled: boolean; paused: boolean; taskId: string }>`
    with beat as (
      update boots set heartbeat_at = now() where id = ${bootId}
    ), mine as (
      select * from unnest(${ids}::text[], ${epochs}::int[]) as m (id, epoch)
    ), t as (
      update tasks set hold_at = now() + ${leaseMs} * interval '1 ms' from mine
        where tasks.id = mine.id and tasks.epoch = mine.epoch and hold_kind = 'lease' and hold_owner = ${bootId}
        returning tasks.id, tasks.id as task_id
    ), s as (
      update subtasks set hold_at = now() + ${leaseMs} * interval '1 ms' from mine
        where subtasks.id = mine.id and subtasks.epoch = mine.epoch and hold_kind = 'lease' and hold_owner = ${bootId}
        returning subtasks.id, subtasks.task_id
    )
    select held.id, held.task_id, tasks.cancel_requested_at is not null as cancelled,
        tasks.paused_at is not null as paused
      from (select * from t union all select * from s) held join tasks on tasks.id = held.task_id`.execute(
    db,
  );
  const held = new Set(rows.map(({ id }) => id));
  return {
    lost: claims.filter((claim) => !held.has(idOf(claim))),
    pausedTasks: rows.filter(({ paused }) => paused).map(({ taskId }) => taskId),
    cancelledTasks: rows.filter(({ cancelled }) => cancelled).map(({ taskId }) => taskId),
  };
}

/** A boot elsewhere that lost its connection has this long to come back. */
const silenceSeconds = 30;

/**
 * Boots that hold no lock any more and did not end in order, or left leases. A lock is also lost when
 * the server restarts, so one more sign is asked for: on this host that the process is gone, else
 * that it has been silent. `processes` of this host are judged by `isAlive`. Never `self`.
 */
export async function listDeadBoots(
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
      from boots b where id <> ${self}
      and (ended_at is null
        or exists (select 1 from tasks where hold_kind = 'lease' and hold_owner = b.id)
        or exists (select 1 from subtasks where hold_kind = 'lease' and hold_owner = b.id))
      and not exists (
        select 1 from pg_locks l where l.locktype = 'advisory' and l.objsubid = 1
          and l.database = (select oid from pg_database where datname = current_database())
          and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(b.id, 7))`.execute(
    db,
  );
  return rows.filter((boot) => boot.silent || (boot.host === host && !isAlive(boot)));
}

export async function markBootEnded(db: Db, id: string): Promise<void> {
  await db.updateTable("boots").set({ endedAt: new Date() }).where("id", "=", id).execute();
}

export async function recordProcess(
  db: Db,
  process: { bootId: string; pid: number; startTicks: string; what: string },
): Promise<void> {
  await together(db)
    .insertInto("processes")
    .values(process)
    .onConflict((c) => c.doNothing())
    .execute();
}

export async function forgetProcess(
  db: Db,
  process: { bootId: string; pid: number; startTicks: string },
): Promise<void> {
  await db
    .deleteFrom("processes")
    .where("bootId", "=", process.bootId)
    .where("pid", "=", process.pid)
    .where("startTicks", "=", process.startTicks)
    .execute();
}

export async function listProcesses(db: Db, bootId: string) {
  return db.selectFrom("processes").selectAll().where("bootId", "=", bootId).execute();
}

export async function forgetProcesses(db: Db, bootId: string): Promise<void> {
  await db.deleteFrom("processes").where("bootId", "=", bootId).execute();
}
