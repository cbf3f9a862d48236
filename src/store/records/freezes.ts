import { sql } from "kysely";
import type { Freeze, FreezeCause } from "../../core/task/freeze.ts";
import { type Db, pendingOf, poolOf, type Tx } from "../database/schema.ts";

/** Freezes as rows: the open one, if any, keeps every process from claiming work. */

/** True while a freeze is open; part of the statements that look for work. */
export const isFrozen = sql<boolean>`exists (select 1 from freezes where thawed_at is null)`;

export async function findFreeze(db: Db): Promise<Freeze | null> {
  const { rows } = await sql<Freeze>`
    select cause, reason, since from freezes where thawed_at is null`.execute(db);
  return rows[0] ?? null;
}

/**
 * Opens a freeze and notifies every process, unless one is open: that one stays as it is, and null
 * is returned.
 */
export async function insertFreeze(
  db: Db | Tx,
  cause: FreezeCause,
  reason: string | null,
): Promise<Freeze | null> {
  const { rows } = await sql<Freeze>`
    insert into freezes (cause, reason) values (${cause}, ${reason})
      on conflict ((thawed_at is null)) where thawed_at is null do nothing
      returning cause, reason, since`.execute(db);
  // In a transition it is sent after the commit.
  if (rows[0] && pendingOf in db) db[pendingOf]?.notifications.add("freeze");
  else if (rows[0]) db[poolOf]?.notifier.send(["freeze"]);
  return rows[0] ?? null;
}

/** Ends the open freeze and notifies every process. Null when there is none. */
export async function endFreeze(db: Db): Promise<Freeze | null> {
  const { rows } = await sql<Freeze>`
    update freezes set thawed_at = now() where thawed_at is null
      returning cause, reason, since`.execute(db);
  if (rows[0]) db[poolOf]?.notifier.send(["thaw"]);
  return rows[0] ?? null;
}
