import { z } from "zod";
import { stageNames } from "../core/task/outcome.ts";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** The daemon itself: where to read on, health, agents, problems. */
export const pointerWire = named(
  "Pointer",
  z.object({
    name: z.literal("deputy"),
    version: z.string(),
    docs: z.string(),
    openapi: z.string(),
    health: z.string(),
  }),
);

export const healthWire = named(
  "Health",
  z.object({
    status: z.literal("alive"),
    version: z.string(),
    process_id: z.string(),
    uptime_s: z.number(),
  }),
);

export const readinessWire = named(
  "Readiness",
  z.object({
    ready: z.boolean(),
    problems: z.array(z.string()),
    /** With little space it accepts tasks and starts nothing new: one sentence for each volume. */
    low_space: z.array(z.string()),
    /** A frozen daemon accepts tasks and works on none: one sentence on why. */
    frozen: z.string().nullable(),
  }),
);

export const messageWire = named("Message", z.object({ message: z.string() }));

const agentWire = z.object({
  name: z.string(),
  path: z.string().nullable(),
  version: z.string().nullable(),
  access: z.enum(["key", "login", "none"]),
  usable: z.boolean(),
  detail: z.string(),
  is_default: z.boolean(),
  /** What its provider refuses for now, as it was last told; null: nothing that is known. */
  limit: z
    .object({
      reason: z.string(),
      /** Null: the provider named no time. */
      resets_at: time.nullable(),
      since: time,
      /** How many tasks and subtasks wait for its end. */
      waiting: z.number().int(),
    })
    .nullable(),
});
/** How many attempts run at once, and how many do now. */
const slotsWire = z.object({ total: z.number().int(), busy: z.number().int() });
const processWire = z.object({
  id: z.string(),
  kind: z.enum(["daemon", "worker"]),
  host: z.string(),
  pid: z.number().int(),
  version: z.string().nullable(),
  since: time,
  /** When it last renewed what it works on. */
  seen_at: time,
  slots: slotsWire,
  runs: z.array(
    z.object({
      task_id: z.string(),
      title: z.string(),
      subtask: z.string().nullable(),
      stage: z.enum(stageNames),
      since: time,
    }),
  ),
});
export const agentsWire = z.object({
  agents: z.array(agentWire),
  /** Of all processes together; null: a daemon of an earlier version, which does not say. */
  slots: slotsWire.nullable(),
  processes: z.array(processWire),
});

/** Of an event that was stored. */
export const keptWire = named("Kept", z.object({ message: z.string(), delivery_id: z.string() }));

export const problemWire = named(
  "Problem",
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    /** A stable identifier for programs. */
    code: z.string(),
    /** The input field, as a path in wire names. */
    field: z.string().optional(),
    /** The line of the submitted file, counted from 1. */
    line: z.number().int().optional(),
    /** Identifies this failure in the daemon's log; only on errors that are not the caller's. */
    request_id: z.string().optional(),
  }),
  {
    description: "RFC 9457 problem details.",
    examples: [
      {
        type: "about:blank",
        title: "Bad Request",
        status: 400,
        detail: 'The field "goal" is missing.',
        code: "invalid_input",
        field: "goal",
      },
    ],
  },
);
export type Problem = z.infer<typeof problemWire>;
