import { z } from "zod";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** Setup that runs before a task needs it. */
export const warmBody = named(
  "NewWarmUp",
  z.strictObject({
    repository: z.string().min(1).max(4096),
    /** Branch, tag or commit. Default: the repository's HEAD. */
    base: z.string().min(1).max(256).optional(),
  }),
  { examples: [{ repository: "/home/me/app" }] },
);

export const warmWire = named(
  "WarmUp",
  z.object({
    repository: z.string(),
    base_ref: z.string().nullable(),
    base_commit: z.string().nullable(),
    setup: z.array(z.string()),
    /**
     * `ready`: the result of setup was there; `made`: it was made now; `making`: it is being made; `none`:
     * there is no setup; `unkept`: it runs in each worktree; `failed`: it does not work on this commit.
     */
    state: z.enum(["ready", "made", "making", "none", "unkept", "failed"]),
    detail: z.string(),
    made_at: time.nullable(),
    setup_ms: z.number().int().nullable(),
  }),
  { description: "How far a repository's setup is prepared for the next worktree." },
);
