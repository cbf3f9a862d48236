import { sql } from "kysely";
import type { Db } from "../database/schema.ts";

/** When each schedule fires next, and whether a person paused it. One row per rule that is in force. */
export type Schedule = {
  rule: string;
  cron: string;
  tz: string;
  nextAt: Date | null;
  pausedAt: Date | null;
  /** The last slot that fired. */
  lastSlot: Date | null;
};

export async function listSchedules(db: Db): Promise<Schedule[]> {
  return db.selectFrom("schedules").selectAll().orderBy("rule").execute();
}

/** Adds a schedule, or gives one that is there another clock; a pause stays. */
export async function putSchedule(
  db: Db,
  row: Pick<Schedule, "rule" | "cron" | "tz" | "nextAt">,
): Promise<void> {
  const { rule, ...clock } = row;
  await db
    .insertInto("schedules")
    .values(row)
    .onConflict((conflict) => conflict.column("rule").doUpdateSet(clock))
    .execute();
}

/** Only from the slot that was read, so that a change in between is not undone. */
export async function moveSchedule(
  db: Db,
  { rule, nextAt }: Pick<Schedule, "rule" | "nextAt">,
  to: Pick<Schedule, "nextAt" | "lastSlot">,
): Promise<void> {
  await db
    .updateTable("schedules")
    .set(to)
    .where("rule", "=", rule)
    .where(sql<boolean>`next_at is not distinct from ${nextAt}`)
    .execute();
}

export async function deleteSchedule(db: Db, rule: string): Promise<void> {
  await db.deleteFrom("schedules").where("rule", "=", rule).execute();
}

export async function pauseSchedule(db: Db, rule: string): Promise<void> {
  await db
    .updateTable("schedules")
    .set({ pausedAt: sql<Date>`coalesce(paused_at, now())` })
    .where("rule", "=", rule)
    .execute();
}

/** Continues with the slot given: what passed during the pause stays undone. */
export async function resumeSchedule(db: Db, rule: string, nextAt: Date | null): Promise<void> {
  await db
    .updateTable("schedules")
    .set({ pausedAt: null, nextAt })
    .where("rule", "=", rule)
    .execute();
}
