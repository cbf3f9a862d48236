import { z } from "zod";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** The rules of triggers.yaml, and what they did lately. */
export const triggersWire = named(
  "Triggers",
  z.object({
    file: z.string(),
    /** What is wrong with the file; null: nothing, or there is none. */
    problem: z.string().nullable(),
    rules: z.array(
      z.object({
        name: z.string(),
        section: z.string(),
        /** When it fires, in words. */
        summary: z.string(),
        breaker: z.object({ open: z.boolean(), since: time, reason: z.string() }).nullable(),
        last: z.array(
          z.object({ at: time, result: z.string().nullable(), task: z.string().nullable() }),
        ),
        /** In the last 24 hours. */
        fired_today: z.number().int(),
      }),
    ),
    deliveries: z.array(
      z.object({
        id: z.string(),
        source: z.string(),
        event: z.string(),
        action: z.string().nullable(),
        rule: z.string().nullable(),
        at: time,
        /** Null: nothing was decided yet. */
        result: z.string().nullable(),
        task: z.string().nullable(),
      }),
    ),
  }),
);
/** @public For the page. */
export type TriggersView = z.infer<typeof triggersWire>;
