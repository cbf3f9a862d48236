import { Cron } from "croner";

/**
 * When a schedule fires. A slot is an instant: 02:30 in Berlin on a day, as UTC. Where a clock change
 * leaves a time out, a fixed time fires right after the gap; where it comes twice, once. A schedule
 * that runs every so often fires in both of the doubled hours.
 */
export type CronRule = { cron: string; tz: string };

/** The first slot after `after`; null: there is none. */
export function nextSlot({ cron, tz }: CronRule, after: Date): Date | null {
  return new Cron(cron, { timezone: tz, mode: "5-part" }).nextRun(after);
}

/** What is wrong with it, as a clause and its field; null: nothing. */
export function whyNoCron(rule: CronRule): { field: keyof CronRule; message: string } | null {
  try {
    new Intl.DateTimeFormat("en", { timeZone: rule.tz });
  } catch {
    // That it throws is the answer.
    const message = "is no time zone; write one like Europe/Berlin, America/New_York or UTC";
    return { field: "tz", message };
  }
  const form = "write five fields: minute, hour, day of month, month, day of week";
  const fields = rule.cron.trim().split(/\s+/).length;
  if (fields !== 5 && !rule.cron.trim().startsWith("@"))
    return { field: "cron", message: `has ${fields} fields; ${form}` };
  try {
    if (nextSlot(rule, new Date()) !== null) return null;
    return { field: "cron", message: `never comes: no such date exists; ${form}` };
  } catch (error) {
    const said = (error as Error).message.replace(/^\w+: /, "").replace(/\.$/, "");
    return { field: "cron", message: `cannot be read: ${said}; ${form}` };
  }
}

/** A slot that is later than this was missed: the daemon was down, or the machine slept. */
const graceMs = 2 * 60_000;
/** Nobody catches up what is older; it also limits the search. */
const reachMs = 48 * 60 * 60_000;

/**
 * What a schedule fires now, whose next slot was to be `nextAt`: the latest slot that has come, once,
 * however many came meanwhile. Null: nothing came, or it is late and nothing is caught up. `missed`:
 * some slot that came is not made up for.
 */
export function dueSlot(
  rule: CronRule & { catchUp: "none" | "one" },
  nextAt: Date,
  now: Date,
): { slot: Date | null; missed: boolean } {
  if (nextAt > now) return { slot: null, missed: false };
  const early = nextSlot(rule, new Date(now.getTime() - reachMs));
  let slot = early !== null && early > nextAt && early <= now ? early : nextAt;
  let missed = slot > nextAt;
  for (;;) {
    const later = nextSlot(rule, slot);
    if (later === null || later > now) break;
    slot = later;
    missed = true;
  }
  const isLate = now.getTime() - slot.getTime() > graceMs;
  return isLate && rule.catchUp === "none" ? { slot: null, missed: true } : { slot, missed };
}
