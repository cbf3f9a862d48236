import { z } from "zod";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** Tasks that the clock starts, by rules of triggers.yaml. */
export const scheduleWire = named(
  "Schedule",
  z.object({
    name: z.string(),
    cron: z.string(),
    tz: z.string(),
    catch_up: z.enum(["none", "one"]),
    repository: z.string(),
    goal: z.string(),
    /** Null while it is paused. */
    next_at: time.nullable(),
    paused_at: time.nullable(),
    last_slot: time.nullable(),
    /** What became of the last time it fired. */
    last: z.object({ result: z.string().nullable(), task_id: z.string().nullable() }).nullable(),
  }),
  { description: "A rule that starts a task at set times." },
);

export const schedulesWire = z.object({ schedules: z.array(scheduleWire) });

export const resetWire = named("Reset", z.object({ detail: z.string() }));

export const firedWire = named(
  "Fired",
  z.object({
    /** Its row in the inbox. */
    delivery_id: z.string(),
    /** Null: it is still open. */
    result: z.string().nullable(),
    task_id: z.string().nullable(),
  }),
  { description: "What a schedule that was run by hand started." },
);
