import { randomUUID } from "node:crypto";
import { DeputyError } from "../../core/base/error.ts";
import type { Inbox } from "../inbox.ts";
import { dueSlot, nextSlot } from "./next-slot.ts";
import type { ScheduleRule } from "./schedule-rule.ts";

/**
 * Fires schedules. When each comes next is a row, so it survives restarts; a slot that came is a
 * delivery named after it, so it fires once ever, whatever crashes in between or where the clock is
 * set to. One look does what is due and arms a timer for the next slot.
 */
export type ScheduleRow = {
  rule: string;
  cron: string;
  tz: string;
  nextAt: Date | null;
  pausedAt: Date | null;
  lastSlot: Date | null;
};

export type ScheduleDeps = {
  /** Implemented by store/triggers/schedules.ts. */
  rows: {
    list(): Promise<ScheduleRow[]>;
    put(row: Pick<ScheduleRow, "rule" | "cron" | "tz" | "nextAt">): Promise<void>;
    move(row: ScheduleRow, to: Pick<ScheduleRow, "nextAt" | "lastSlot">): Promise<void>;
    remove(rule: string): Promise<void>;
    pause(rule: string): Promise<void>;
    resume(rule: string, nextAt: Date | null): Promise<void>;
  };
  insert: Inbox["insert"];
  /** Null: the file is broken and was never read, so it does not say which schedules there are. */
  rules: () => readonly ScheduleRule[] | null;
  /** Called when a delivery was stored. */
  onFired: () => void;
  log: (level: "info" | "warn", fields: object, message: string) => void;
  now?: () => Date;
};

export type Schedules = {
  list(): Promise<{ rule: ScheduleRule; row: ScheduleRow }[]>;
  /** Fires now, also while it is paused. Returns the delivery's id. */
  run(name: string): Promise<string>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** Look now: the rules changed. */
  wake(): void;
  stop(): Promise<void>;
};

/** Longer timers would sleep through a clock that is set, or a machine that was suspended. */
const longestMs = 30_000;

export function startSchedules(deps: ScheduleDeps): Schedules {
  const now = deps.now ?? (() => new Date());
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let stopped = false;

  const look = async () => {
    clearTimeout(timer);
    if (stopped) return;
    let wait = longestMs;
    try {
      const next = await lookAtSchedules(deps, now());
      if (next !== null) wait = Math.min(wait, Math.max(0, next.getTime() - now().getTime()));
    } catch (error) {
      // The database is unavailable: the rows say what is due once it is back.
      deps.log("warn", { err: error }, "could not look at the schedules");
    }
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(wake, wait);
  };
  const wake = () => {
    looking = looking.then(look);
  };
  const find = async (name: string) => {
    await looking;
    const found = (await listSchedules(deps)).find(({ rule }) => rule.name === name);
    if (found) return found;
    const known = (deps.rules() ?? []).map((rule) => rule.name).join(", ");
    throw new DeputyError(
      "not_found",
      `There is no schedule ${name}; ${known === "" ? "triggers.yaml has none" : `there are ${known}`}.`,
      { field: "name" },
    );
  };
  wake();
  return {
    list: async () => {
      await looking;
      return listSchedules(deps);
    },
    run: async (name) => {
      const { rule } = await find(name);
      const deliveryId = `schedule:${name}:run:${randomUUID()}`;
      await insert(deps, deliveryId, { rule: rule.name, at: now(), by: "run by a person" });
      return deliveryId;
    },
    pause: async (name) => {
      await find(name);
      await deps.rows.pause(name);
    },
    resume: async (name) => {
      const { rule } = await find(name);
      await deps.rows.resume(name, nextSlot(rule, now()));
      wake();
    },
    wake,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

async function listSchedules({ rows, rules }: ScheduleDeps) {
  const stored = await rows.list();
  return (rules() ?? []).flatMap((rule) => {
    const row = stored.find((one) => one.rule === rule.name);
    return row ? [{ rule, row }] : [];
  });
}

/** Brings rows in line with the rules and fires what is due. Returns the earliest slot to come. */
async function lookAtSchedules(deps: ScheduleDeps, now: Date): Promise<Date | null> {
  const rules = deps.rules();
  if (rules === null) return null;
  const stored = new Map((await deps.rows.list()).map((row) => [row.rule, row]));
  for (const rule of stored.keys()) {
    if (rules.some(({ name }) => name === rule)) continue;
    await deps.rows.remove(rule);
    deps.log("info", { rule }, `Schedule ${rule} is gone: no rule in triggers.yaml has its name`);
  }
  let earliest: Date | null = null;
  for (const rule of rules) {
    const nextAt = await lookAtSchedule(deps, rule, stored.get(rule.name), now);
    if (nextAt && (earliest === null || nextAt < earliest)) earliest = nextAt;
  }
  return earliest;
}

async function lookAtSchedule(
  deps: ScheduleDeps,
  rule: ScheduleRule,
  row: ScheduleRow | undefined,
  now: Date,
): Promise<Date | null> {
  const { name, cron, tz } = rule;
  const coming = nextSlot(rule, now);
  if (!row || row.cron !== cron || row.tz !== tz) {
    await deps.rows.put({ rule: name, cron, tz, nextAt: coming });
    return row?.pausedAt ? null : coming;
  }
  if (row.pausedAt || row.nextAt === null) return null;
  if (row.nextAt > now) {
    // The clock was set back: slots that fired before are known by their deliveries.
    if (coming === null || coming >= row.nextAt) return row.nextAt;
    await deps.rows.move(row, { nextAt: coming, lastSlot: row.lastSlot });
    return coming;
  }
  const { slot, missed } = dueSlot(rule, row.nextAt, now);
  if (slot) await insert(deps, `schedule:${name}:${slot.toISOString()}`, slotOf(name, slot));
  await deps.rows.move(row, { nextAt: coming, lastSlot: slot ?? row.lastSlot });
  if (missed) {
    const rest = slot
      ? `only its latest time, ${slot.toISOString()}, is made up for`
      : "nothing is made up for";
    deps.log(
      "warn",
      { rule: name },
      `Schedule ${name} missed what came since ${row.nextAt.toISOString()}; ${rest}`,
    );
  }
  return coming;
}

const slotOf = (rule: string, at: Date) => ({ rule, at, by: "its time" });

async function insert(
  deps: ScheduleDeps,
  deliveryId: string,
  { at, ...rest }: { rule: string; at: Date; by: string },
): Promise<void> {
  const payload = { ...rest, at: at.toISOString() };
  await deps.insert({ deliveryId, source: "schedule", event: "slot", action: null, payload });
  deps.onFired();
}
