import { realpathSync } from "node:fs";
import { z } from "zod";
import { type Role, roles } from "../core/budget/usage.ts";
import { agentNameHelp, parseAgentName } from "../core/settings/agent-name.ts";
import { commitsSchema } from "../core/settings/commit-settings.ts";
import type { Fallback } from "../core/task/failure.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { networksSchema } from "./sandbox-settings.ts";

/**
 * Agent, model and limits of each role, as the person who runs the daemon configured them, for all
 * repositories and for single ones. A repository's own files and outside text have no say in it.
 */
const agentSchema = z.string().refine((text) => parseAgentName(text) !== null, {
  error: `is no known agent; ${agentNameHelp}`,
});
const modelSchema = z.string().min(1).max(200);

/** The default, too: no HTTP client waits longer for a byte. */
export const maxModelSilenceMs = 5 * 60_000;

const roleSchema = z.strictObject({
  agent: agentSchema.optional(),
  model: modelSchema.optional(),
  /** Maximum number of model calls of one run. */
  max_turns: z.number().int().positive().max(10_000).optional(),
  /** Maximum duration of one run. */
  timeout_minutes: z
    .number()
    .positive()
    .max(24 * 60)
    .optional(),
  /** How long an agent may show no sign of life before it is stopped and continued; 0: for ever. */
  stall_minutes: z
    .number()
    .nonnegative()
    .max(24 * 60)
    .optional(),
  /** How long a model server may be silent in one call; the second time in a row ends the run. */
  model_silence_minutes: z
    .number()
    .positive()
    .max(maxModelSilenceMs / 60_000)
    .optional(),
});

const fallbackSchema = z.strictObject({ agent: agentSchema, model: modelSchema.optional() });

export const rolesSchema = z.strictObject({
  planner: roleSchema.optional(),
  /** `fallbacks`: who takes over where recovery moves on to another agent or model, in order. */
  coder: roleSchema
    .extend({
      fallbacks: z.array(fallbackSchema).max(20).optional(),
      /** What happens at a provider's limit: wait until it ends, or have the next fallback take over. */
      on_limit: z.enum(["wait", "fallback"]).optional(),
    })
    .optional(),
  reviewer: roleSchema.optional(),
});

export const repositoriesSchema = z
  .record(
    z.string().refine((text) => isRepository(text), {
      error: "must be an absolute path or the URL of a repository",
    }),
    z.strictObject({
      roles: rolesSchema.optional(),
      network: networksSchema.optional(),
      commits: commitsSchema.optional(),
      /** Its mirror fetches contents of files only when they are needed. */
      partial_clone: z.boolean().optional(),
    }),
  )
  .superRefine((repositories, context) => {
    for (const [name, { partial_clone: isPartial }] of Object.entries(repositories))
      if (isPartial && parseRepository(name).kind === "local")
        context.addIssue({
          code: "custom",
          path: [name, "partial_clone"],
          message:
            "is for remote repositories, by their URL; one on this machine is mirrored whole",
        });
  });

export type RoleSettings = {
  /** Null: the daemon's default. */
  agent: string | null;
  model: string | null;
  maxTurns: number | null;
  timeoutMs: number | null;
  /** Infinity: never stopped for its silence. Null: the default. */
  stallMs: number | null;
  /** Null: the default. */
  modelSilenceMs: number | null;
  /** Null: it is not said. */
  fallbacks: readonly Fallback[] | null;
  /** A fallback takes over at a provider's limit. */
  failsOver: boolean;
};

export type RolesConfig = {
  everywhere: Record<Role, RoleSettings>;
  /** By the repository as a task names it. */
  byRepository: ReadonlyMap<string, Record<Role, RoleSettings>>;
};

/** The roles in the file; what a repository does not set is taken from the general ones. */
export function readRoles(file: {
  roles?: z.infer<typeof rolesSchema> | undefined;
  repositories?: z.infer<typeof repositoriesSchema> | undefined;
}): RolesConfig {
  const limits = { maxTurns: null, timeoutMs: null, stallMs: null, modelSilenceMs: null };
  const none: RoleSettings = {
    agent: null,
    model: null,
    ...limits,
    fallbacks: null,
    failsOver: false,
  };
  const everywhere = merge({ planner: none, coder: none, reviewer: none }, file.roles ?? {});
  const own = Object.entries(file.repositories ?? {}).map(
    ([name, repository]) => [nameOf(name), merge(everywhere, repository.roles ?? {})] as const,
  );
  return { everywhere, byRepository: new Map(own) };
}

export function roleSettings(config: RolesConfig, role: Role, repository: string): RoleSettings {
  return (config.byRepository.get(repository) ?? config.everywhere)[role];
}

function merge(
  base: Record<Role, RoleSettings>,
  file: z.infer<typeof rolesSchema>,
): Record<Role, RoleSettings> {
  const one = (role: Role): RoleSettings => {
    const { agent, model, max_turns, timeout_minutes, stall_minutes, model_silence_minutes } =
      file[role] ?? {};
    const known = base[role];
    const { fallbacks, on_limit: onLimit } = role === "coder" ? (file.coder ?? {}) : {};
    return {
      agent: agent ?? known.agent,
      // A model belongs to its agent: another agent has another one.
      model: model ?? (agent === undefined || agent === known.agent ? known.model : null),
      maxTurns: max_turns ?? known.maxTurns,
      timeoutMs: timeout_minutes === undefined ? known.timeoutMs : timeout_minutes * 60_000,
      stallMs: stall_minutes === undefined ? known.stallMs : stall_minutes * 60_000 || Infinity,
      modelSilenceMs:
        model_silence_minutes === undefined ? known.modelSilenceMs : model_silence_minutes * 60_000,
      fallbacks: fallbacks?.map(({ agent, model = null }) => ({ agent, model })) ?? known.fallbacks,
      failsOver: onLimit === undefined ? known.failsOver : onLimit === "fallback",
    };
  };
  return Object.fromEntries(roles.map((role) => [role, one(role)])) as Record<Role, RoleSettings>;
}

function isRepository(text: string): boolean {
  try {
    return parseRepository(text).url !== "";
  } catch {
    return false; // reported by the schema
  }
}

/** The networks of single repositories in the file, by the repository as a task names it. */
export function readNetworks(
  repositories: z.infer<typeof repositoriesSchema> | undefined,
): ReadonlyMap<string, z.infer<typeof networksSchema> | undefined> {
  return new Map(
    Object.entries(repositories ?? {}).map(([name, { network }]) => [nameOf(name), network]),
  );
}

/** The repositories in the file whose mirrors are partial. */
export function readPartialClones(
  repositories: z.infer<typeof repositoriesSchema> | undefined,
): ReadonlySet<string> {
  const all = Object.entries(repositories ?? {});
  return new Set(all.flatMap(([name, own]) => (own.partial_clone ? [nameOf(name)] : [])));
}

/** A repository as tasks store it: a folder by its real path. */
export function nameOf(text: string): string {
  const { kind, url } = parseRepository(text);
  if (kind === "remote") return url;
  try {
    return realpathSync(url);
  } catch {
    return url; // not there yet
  }
}
