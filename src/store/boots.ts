import { sql } from "kysely";
import pg from "pg";
import type { Connection } from "./open.ts";
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
  if (!(await connect())) return null;
  await db.insertInto("boots").values(boot).execute();
  return {
    id: boot.id,
    rejoin: async () => {
      if (!(await connect())) throw new Error(`the lock of ${boot.id} is not free yet`);
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

/** Renew every lease of this boot by the database's clock, for `leaseMs` from now. */
export async function renewLeases(db: Db, bootId: string, leaseMs: number): Promise<void> {
  await sql`with beat as (update boots set heartbeat_at = now() where id = ${bootId}),
    t as (update tasks set hold_at = now() + ${leaseMs} * interval '1 ms' where hold_kind = 'lease' and hold_owner = ${bootId})
    update subtasks set hold_at = now() + ${leaseMs} * interval '1 ms' where hold_kind = 'lease' and hold_owner = ${bootId}`.execute(
    db,
  );
}

/** Boots that did not end in order and hold no lock any more. */
export async function listDeadBoots(db: Db): Promise<{ id: string; host: string }[]> {
  const { rows } = await sql<{ id: string; host: string }>`
    select id, host from boots b where ended_at is null
      and not exists (
        select 1 from pg_locks l where l.locktype = 'advisory' and l.objsubid = 1
          and l.database = (select oid from pg_database where datname = current_database())
          and ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(b.id, 7))`.execute(
    db,
  );
  return rows;
}

export async function markBootEnded(db: Db, id: string): Promise<void> {
  await db.updateTable("boots").set({ endedAt: new Date() }).where("id", "=", id).execute();
}

export async function recordProcess(
  db: Db,
  process: { bootId: string; pid: number; startTicks: string; what: string },
): Promise<void> {
  await db
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
