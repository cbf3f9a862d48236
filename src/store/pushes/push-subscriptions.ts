import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { PushSubscription } from "../../core/attention/push-endpoint.ts";
import type { Db } from "../database/schema.ts";
import { inTransaction } from "../database/transaction.ts";

/** Where browsers take pushes: one for each device that may act, gone with the device. */
export type StoredSubscription = PushSubscription & {
  id: string;
  device: string;
  /** Since a push was taken. */
  failures: number;
};

/** After so many a push is not held up for it any more, and a person is told. */
export const failuresToTell = 5;

/** Takes the place of what the device had, and of what another device had at this address. */
export async function putSubscription(
  db: Db,
  deviceId: string,
  { auth, endpoint, p256dh }: PushSubscription,
): Promise<void> {
  const endpointHash = createHash("sha256").update(endpoint).digest("hex");
  await inTransaction(db, async (tx) => {
    // The same again, as a page says at each load, keeps what is known of it.
    await tx
      .deleteFrom("pushSubscriptions")
      .where((where) =>
        where.or([where("deviceId", "=", deviceId), where("endpointHash", "=", endpointHash)]),
      )
      .where((where) =>
        where.or([where("deviceId", "<>", deviceId), where("endpointHash", "<>", endpointHash)]),
      )
      .execute();
    const row = { auth, deviceId, endpoint, endpointHash, p256dh };
    await tx
      .insertInto("pushSubscriptions")
      .values(row)
      .onConflict((conflict) => conflict.column("endpointHash").doUpdateSet({ auth, p256dh }))
      .execute();
  });
}

export async function deleteSubscription(db: Db, deviceId: string): Promise<void> {
  await db.deleteFrom("pushSubscriptions").where("deviceId", "=", deviceId).execute();
}

export async function listSubscriptions(db: Db): Promise<StoredSubscription[]> {
  return db
    .selectFrom("pushSubscriptions as s")
    .innerJoin("devices as d", "d.id", "s.deviceId")
    .select(["s.endpointHash as id", "d.name as device", "endpoint", "p256dh", "auth", "failures"])
    .where("d.scope", "=", "act")
    .orderBy("s.createdAt")
    .execute();
}

/** A push was taken there. */
export async function noteTaken(db: Db, id: string): Promise<void> {
  await db
    .updateTable("pushSubscriptions")
    .set({ okAt: sql<Date>`now()`, failures: 0, lastError: null })
    .where("endpointHash", "=", id)
    .execute();
}

/** A push was refused; returns how many were, since one was taken. */
export async function noteRefused(db: Db, id: string, error: string): Promise<number> {
  const row = await db
    .updateTable("pushSubscriptions")
    .set((set) => ({ failures: set("failures", "+", 1), lastError: error }))
    .where("endpointHash", "=", id)
    .returning("failures")
    .executeTakeFirst();
  return row?.failures ?? failuresToTell;
}

/** The service says that the browser is gone from there. */
export async function pruneSubscription(db: Db, id: string): Promise<void> {
  await db.deleteFrom("pushSubscriptions").where("endpointHash", "=", id).execute();
}

/** Those that take nothing any more, for a person. */
export async function listFailing(db: Db): Promise<{ device: string; lastError: string }[]> {
  const rows = await db
    .selectFrom("pushSubscriptions as s")
    .innerJoin("devices as d", "d.id", "s.deviceId")
    .select(["d.name as device", "s.lastError"])
    .where("failures", ">=", failuresToTell)
    .orderBy("s.createdAt")
    .execute();
  return rows.map(({ device, lastError }) => ({ device, lastError: lastError ?? "" }));
}
