import { timingSafeEqual } from "node:crypto";
import { sql } from "kysely";
import { codeMinutes, codeTries, type Device, sessionDays } from "../../core/attention/device.ts";
import type { Db } from "../database/schema.ts";
import { inTransaction } from "../database/transaction.ts";

/** Paired devices, and the one code by which the next is paired. Codes and sessions are hashes. */

/** A new code takes the place of an earlier one. */
export async function putPairingCode(db: Db, codeHash: string): Promise<Date> {
  const { rows } = await sql<{ expiresAt: Date }>`
    insert into pairing (code_hash, expires_at)
    values (${codeHash}, now() + ${codeMinutes}::float8 * interval '1 minute')
    on conflict (only_one) do update
      set code_hash = excluded.code_hash, expires_at = excluded.expires_at, tries = 0
    returning expires_at`.execute(db);
  return rows[0]?.expiresAt ?? new Date();
}

/**
 * Whether this is the code; then it is used up. Each try counts, and after five the code is worthless.
 */
export async function takePairingCode(db: Db, codeHash: string): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<{ codeHash: string }>`
      update pairing set tries = tries + 1
      where expires_at > now() and tries < ${codeTries} returning code_hash`.execute(tx);
    const [code] = rows;
    if (!code || !timingSafeEqual(Buffer.from(code.codeHash), Buffer.from(codeHash))) return false;
    await sql`delete from pairing`.execute(tx);
    return true;
  });
}

export async function insertDevice(
  db: Db,
  device: { id: string; name: string; sessionHash: string },
): Promise<void> {
  await db.insertInto("devices").values(device).execute();
}

/** The device of a session, which was seen just now; null: there is none. */
export async function findDevice(db: Db, sessionHash: string): Promise<Device | null> {
  const row = await db
    .updateTable("devices")
    .set({ seenAt: sql<Date>`now()` })
    .where("sessionHash", "=", sessionHash)
    .where(sql<boolean>`seen_at > now() - ${sessionDays}::float8 * interval '1 day'`)
    .returning(["id", "name", "pairedAt", "seenAt"])
    .executeTakeFirst();
  return row ?? null;
}

/** Oldest first. */
export async function listDevices(db: Db): Promise<Device[]> {
  return db
    .selectFrom("devices")
    .select(["id", "name", "pairedAt", "seenAt"])
    .orderBy("pairedAt")
    .execute();
}

export async function deleteDevice(db: Db, id: string): Promise<Device | null> {
  const row = await db
    .deleteFrom("devices")
    .where("id", "=", id)
    .returning(["id", "name", "pairedAt", "seenAt"])
    .executeTakeFirst();
  return row ?? null;
}
