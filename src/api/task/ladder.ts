import { z } from "zod";
import { rungs } from "../../core/task/failure.ts";
import { subtaskStates } from "../../core/task/lifecycle.ts";
import type { Lenient } from "../lenient.ts";
import { named } from "../registry.ts";

export const ladderWire = named(
  "Ladder",
  z.object({
    id: z.string(),
    subtasks: z.array(
      z.object({
        key: z.string(),
        state: z.enum(subtaskStates),
        /** Failed attempts that count, and how many may. */
        counted: z.number(),
        limit: z.number(),
        /** The rung of the attempt in progress, or of the last; null: none failed so far. */
        on: z.enum(rungs).nullable(),
        /** From the first to the last. */
        rungs: z.array(
          z.object({
            rung: z.enum(rungs),
            /** Who takes over, with the rung `fallback`. */
            fallback: z.object({ agent: z.string(), model: z.string().nullable() }).nullable(),
            /** The attempts that took it. */
            used: z.array(z.object({ attempt: z.number(), reason: z.string() })),
          }),
        ),
        /** What comes if it fails in the same way again; null: it is over, or waits for help. */
        next: z.object({ rung: z.enum(rungs), reason: z.string() }).nullable(),
        /** An attempt that finished after it was given up: its work is verified before another is made. */
        late: z.number().nullable(),
      }),
    ),
  }),
  { description: "Where each subtask stands on recovery's ladder, and what comes next." },
);
export type LadderDetailView = Lenient<typeof ladderWire>;
