import { z } from "zod";
import { proofLevels } from "../proof/proof.ts";

const checkEntry = z.union([
  z.string().min(1),
  z.strictObject({
    name: z.string().min(1).max(100).optional(),
    run: z.string().min(1),
    timeout_minutes: z
      .number()
      .positive()
      .max(24 * 60)
      .optional(),
    report: z.string().min(1).optional(),
    /** Its result depends on more than the files, as on the date: nothing that was run is reused. */
    always: z.boolean().optional(),
  }),
]);

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, { error: "must be the name of a variable, like PGPORT" });
const port = z.int().min(1).max(65_535);

const serviceEntry = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/, {
    error: "must be at most 40 letters, digits, - and _",
  }),
  run: z.string().min(1),
  port: z.union([variable, z.array(variable).min(1)]).optional(),
  ready: z.union([z.string().min(1), port]).optional(),
  stop: z.string().min(1).optional(),
  start_timeout_s: z.number().positive().max(1_800).optional(),
});

/** `.deputy/config.yaml`, always read from the base commit, never from an agent's tree. */
export const repositoryConfigSchema = z.strictObject({
  setup: z.union([z.string().min(1), z.array(z.string().min(1))]).optional(),
  checks: z.array(checkEntry).optional(),
  services: z.array(serviceEntry).optional(),
  /** Globs that no agent may touch, besides `.deputy/**`, which is always protected. */
  protected: z.array(z.string().min(1)).optional(),
  delivery: z.enum(["branch", "pr"]).optional(),
  proof: z.enum(proofLevels).optional(),
  /** Folders: worktrees hold these alone, and the files beside and above them. */
  sparse: z.array(z.string().min(1)).min(1, "must name a folder, or be left out").optional(),
});
export type RepositoryConfig = z.infer<typeof repositoryConfigSchema>;
