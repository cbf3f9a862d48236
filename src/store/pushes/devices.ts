import { timingSafeEqual } from "node:crypto";
import { sql } from "kysely";
import {
  codeMinutes,
  codeTries,
  type Device,
  type Scope,
  sessionDays,
} from "../../core/attention/device.ts";
import type { Db } from "../database/schema.ts";
import { inTransaction } from "../database/transaction.ts";

/** Paired devices, and what pairs the next one. Codes, links and sessions are hashes. */

/** A new code and its link take the place of earlier ones. */
export async function putPairing(
  db: Db,
  { codeHash, linkHash, scope }: { codeHash: string; linkHash: string; scope: Scope },
): Promise<Date> {
  const { rows } = await sql<{ expiresAt: Date }>`
    insert into pairing (code_hash, link_hash, scope, expires_at)
    values (${codeHash}, ${linkHash}, ${scope}, now() + ${codeMinutes}::float8 * interval '1 minute')
    on conflict (only_one) do update
      set code_hash = excluded.code_hash, link_hash = excluded.link_hash, scope = excluded.scope,
        expires_at = excluded.expires_at, tries = 0
    returning expires_at`.execute(db);
  return rows[0]?.expiresAt ?? new Date();
}

/** When the code and its link end; null: there are none, or they were used. */
export async function findPairing(db: Db): Promise<Date | null> {
  const { rows } = await sql<{ expiresAt: Date }>`select expires_at from pairing
    where expires_at > now()`.execute(db);
  return rows[0]?.expiresAt ?? null;
}

/**
 * What a code pairs for; then it is used up. Each try counts, and after five the code is worthless.
 * Null: it is none.
 */
export async function takeCode(db: Db, codeHash: string): Promise<Scope | null> {
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<{ codeHash: string; scope: Scope }>`
      update pairing set tries = tries + 1
      where expires_at > now() and tries < ${codeTries} returning code_hash, scope`.execute(tx);
    const [code] = rows;
    if (!code || !timingSafeEqual(Buffer.from(code.codeHash), Buffer.from(codeHash))) return null;
    await sql`delete from pairing`.execute(tx);
    return code.scope;
  });
}

/** The same of a link, which nobody can guess, so that trying one costs the code no try. */
export async function takeLink(db: Db, linkHash: string): Promise<Scope | null> {
  const { rows } = await sql<{ scope: Scope }>`
    delete from pairing where expires_at > now() and link_hash = ${linkHash} returning scope`.execute(
    db,
  );
  return rows[0]?.scope ?? null;
}

/** Forgets, besides, devices whose sessions ended long ago. */
export async function insertDevice(
  db: Db,
  device: { id: string; name: string; scope: Scope; sessionHash: string },
): Promise<void> {
  await sql`delete from devices where not ${isAlive}`.execute(db);
  await db.insertInto("devices").values(device).execute();
}

/** Gives a device that is paired again another session in place of its own. */
export async function renewDevice(
  db: Db,
  id: string,
  { name, scope, sessionHash }: { name: string; scope: Scope; sessionHash: string },
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("devices")
    .set({ name, scope, sessionHash, seenAt: sql<Date>`now()` })
    .where("id", "=", id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

const isAlive = sql<boolean>`(seen_at > now() - ${sessionDays}::float8 * interval '1 day')`;
const hasPush = sql<boolean>`exists (
  select from push_subscriptions where device_id = devices.id)`.as("push");
const columns = ["id", "name", "scope", "pairedAt", "seenAt"] as const;

/** The device of a session, which was seen just now; null: there is none. */
export async function findDevice(db: Db, sessionHash: string): Promise<Device | null> {
  const row = await db
    .selectFrom("devices")
    .select([...columns, hasPush])
    .select(sql<boolean>`seen_at < now() - interval '1 minute'`.as("isLongAgo"))
    .where("sessionHash", "=", sessionHash)
    .where(isAlive)
    .executeTakeFirst();
  if (!row) return null;
  const { isLongAgo, ...device } = row;
  // A page asks often: to the minute is as well as anybody wants to know it.
  if (isLongAgo)
    await db
      .updateTable("devices")
      .set({ seenAt: sql<Date>`now()` })
      .where("id", "=", device.id)
      .execute();
  return device;
}

/** Oldest first. */
export async function listDevices(db: Db): Promise<Device[]> {
  return db
    .selectFrom("devices")
    .select([...columns, hasPush])
    .orderBy("pairedAt")
    .execute();
}

/** One that may only look gets no pushes: what they open may be decided there. */
export async function changeDevice(
  db: Db,
  id: string,
  change: { name?: string; scope?: Scope },
): Promise<Device | null> {
  return inTransaction(db, async (tx) => {
    if (change.scope === "view")
      await tx.deleteFrom("pushSubscriptions").where("deviceId", "=", id).execute();
    const row = await tx
      .updateTable("devices")
      .set({ id, ...change })
      .where("id", "=", id)
      .returning([...columns, hasPush])
      .executeTakeFirst();
    return row ?? null;
  });
}

export async function deleteDevice(db: Db, id: string): Promise<Device | null> {
  const row = await db
    .deleteFrom("devices")
    .where("id", "=", id)
    .returning([...columns])
    .executeTakeFirst();
  return row ? { ...row, push: false } : null;
}
