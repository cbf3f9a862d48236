import { z } from "zod";
import { named } from "./registry.ts";
import { checkWire } from "./task/evidence.ts";
import { time } from "./to-wire.ts";

/** What a page shows beside tasks: cost, repositories, a preview. */
const spending = {
  /** Null: the price of a call is unknown. */
  usd: z.number().nullable(),
  /** Includes the cached ones. */
  tokens_in: z.number(),
  tokens_out: z.number(),
  calls: z.number(),
};

export const costWire = named(
  "TaskCost",
  z.object({
    total_usd: z.number().nullable(),
    by_role: z.array(z.object({ role: z.string(), ...spending })),
    by_model: z.array(z.object({ model: z.string(), ...spending })),
    by_attempt: z.array(
      z.object({
        /** Null: it concerned the whole task. */
        subtask: z.string().nullable(),
        attempt: z.number().nullable(),
        role: z.string(),
        model: z.string(),
        ...spending,
      }),
    ),
    /** The fraction that is not work: planning, review and recovery. */
    orchestration_share: z.number(),
  }),
);
/** @public For the page. */
export type CostView = z.infer<typeof costWire>;

const check = checkWire.pick({ name: true, command: true, source: true });

export const repositoriesWire = named(
  "Repositories",
  z.array(
    z.object({
      path_or_url: z.string(),
      name: z.string(),
      default_branch: z.string().nullable(),
      tasks: z.number().int(),
      last_used_at: time,
      /** As its base said when a task was last prepared; null: none was. */
      checks: z.array(check).nullable(),
      setup: z.array(z.string()).nullable(),
      /** Who works on a task that names nobody; null: nobody can. */
      agent: z.string().nullable(),
    }),
  ),
);
/** @public For the page. */
export type RepositoriesView = z.infer<typeof repositoriesWire>;

export const previewWire = named(
  "TaskPreview",
  z.object({
    repository: z.string(),
    base: z.object({ ref: z.string(), commit: z.string() }),
    checks: z.array(check),
    setup: z.array(z.string()),
    agent: z.string(),
    /** Null: chosen by the change. */
    assurance: z.string().nullable(),
    would_ask_planner: z.boolean(),
    /** Why a planner is asked, or not. */
    why: z.string(),
    warnings: z.array(z.string()),
  }),
);
/** @public For the page. */
export type PreviewView = z.infer<typeof previewWire>;
