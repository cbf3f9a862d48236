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

/** `.deputy/config.yaml`, always read from the base commit, never from an agent's tree. */
export const repositoryConfigSchema = z.strictObject({
  setup: z.union([z.string().min(1), z.array(z.string().min(1))]).optional(),
  checks: z.array(checkEntry).optional(),
  /** Globs that no agent may touch, besides `.deputy/**`, which is always protected. */
  protected: z.array(z.string().min(1)).optional(),
  delivery: z.enum(["branch", "pr"]).optional(),
  proof: z.enum(proofLevels).optional(),
  /** Folders: worktrees hold these alone, and the files beside and above them. */
  sparse: z.array(z.string().min(1)).min(1, "must name a folder, or be left out").optional(),
});
export type RepositoryConfig = z.infer<typeof repositoryConfigSchema>;
