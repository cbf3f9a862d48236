import { z } from "zod";
import { named } from "../registry.ts";
import { time } from "../to-wire.ts";

export const planWire = named(
  "PlanRecord",
  z.object({
    id: z.string(),
    subtask_id: z.string().nullable(),
    state: z.enum(["proposed", "accepted", "rejected", "revision"]),
    reason: z.string(),
    /** Null for a revision. */
    plan: z
      .object({
        mode: z.enum(["direct", "given", "planned"]),
        why: z.string(),
        planner: z
          .object({
            agent: z.string(),
            models: z.array(z.string()),
            problem: z.string().nullable(),
            duration_ms: z.number(),
            calls: z.number(),
            input_tokens: z.number(),
            output_tokens: z.number(),
            cost_usd: z.number().nullable(),
          })
          .nullable(),
        subtasks: z.array(
          z.object({
            key: z.string(),
            title: z.string(),
            brief: z.string(),
            depends_on: z.array(z.string()),
            writes: z.array(z.string()),
            checks: z.array(z.string()),
            agent: z.string(),
            kind: z.enum(["work", "plan"]),
          }),
        ),
      })
      .nullable(),
    /** The changes, one per line. */
    diff: z.array(z.string()),
    /** Refused requests of agents, with the reason. */
    refused: z.array(z.string()),
    /** A person's reply to a rejected plan. */
    feedback: z.string().nullable(),
    created_at: time,
  }),
  { description: "A plan that was proposed, or how the plan changed while it ran." },
);
