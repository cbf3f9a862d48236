import { realpathSync } from "node:fs";
import { z } from "zod";
import { type Role, roles } from "../core/budget/usage.ts";
import { agentNameHelp, parseAgentName } from "../core/settings/agent-name.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { networksSchema } from "./sandbox-settings.ts";

/**
 * Which agent and model works in which role, and its limits: what the person who runs the daemon
 * wrote into its configuration, for all repositories and for single ones. A repository's own files
 * have no say in it, and neither has any text from outside.
 */
const roleSchema = z.strictObject({
  agent: z
    .string()
    .refine((text) => parseAgentName(text) !== null, {
      error: `is no known agent; ${agentNameHelp}`,
    })
    .optional(),
  model: z.string().min(1).max(200).optional(),
  /** Calls of a model that one run may make. */
  max_turns: z.number().int().positive().max(10_000).optional(),
  /** The longest that one run may take. */
  timeout_minutes: z
    .number()
    .positive()
    .max(24 * 60)
    .optional(),
});

export const rolesSchema = z.strictObject({
  planner: roleSchema.optional(),
  coder: roleSchema.optional(),
  reviewer: roleSchema.optional(),
});

export const repositoriesSchema = z.record(
  z.string().refine((text) => isRepository(text), {
    error: "must be an absolute path or the URL of a repository",
  }),
  z.strictObject({ roles: rolesSchema.optional(), network: networksSchema.optional() }),
);

export type RoleSettings = {
  /** Null: the daemon's default. */
  agent: string | null;
  model: string | null;
  maxTurns: number | null;
  timeoutMs: number | null;
};

export type RolesConfig = {
  everywhere: Record<Role, RoleSettings>;
  /** By the repository as a task names it. */
  byRepository: ReadonlyMap<string, Record<Role, RoleSettings>>;
};

/** What the file says, with what a repository does not say filled in from what holds everywhere. */
export function readRoles(file: {
  roles?: z.infer<typeof rolesSchema> | undefined;
  repositories?: z.infer<typeof repositoriesSchema> | undefined;
}): RolesConfig {
  const none: RoleSettings = { agent: null, model: null, maxTurns: null, timeoutMs: null };
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
    const { agent, model, max_turns, timeout_minutes } = file[role] ?? {};
    const known = base[role];
    return {
      agent: agent ?? known.agent,
      // A model belongs to its agent: another agent has another one.
      model: model ?? (agent === undefined || agent === known.agent ? known.model : null),
      maxTurns: max_turns ?? known.maxTurns,
      timeoutMs: timeout_minutes === undefined ? known.timeoutMs : timeout_minutes * 60_000,
    };
  };
  return Object.fromEntries(roles.map((role) => [role, one(role)])) as Record<Role, RoleSettings>;
}

function isRepository(text: string): boolean {
  try {
    return parseRepository(text).url !== "";
  } catch {
    return false; // said by the schema
  }
}

/** The networks that the file gives to single repositories, by the repository as a task names it. */
export function readNetworks(
  repositories: z.infer<typeof repositoriesSchema> | undefined,
): ReadonlyMap<string, z.infer<typeof networksSchema> | undefined> {
  return new Map(
    Object.entries(repositories ?? {}).map(([name, { network }]) => [nameOf(name), network]),
  );
}

/** As a task's repository is written: a folder by its real path. */
function nameOf(text: string): string {
  const { kind, url } = parseRepository(text);
  if (kind === "remote") return url;
  try {
    return realpathSync(url);
  } catch {
    return url; // not there yet
  }
}
