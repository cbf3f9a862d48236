import type { Config } from "./config.ts";
import { parseAgentName } from "./core/agent-name.ts";
import type { AgentModel } from "./core/choose-reviewers.ts";
import { type Role, roles } from "./core/usage.ts";
import { roleSettings } from "./role-settings.ts";

/** What the configuration says about who can review, and what it is that did the work. */
type Known = Pick<Config, "model" | "roles">;

/**
 * Who could review a change of this repository, in order of preference: whoever is named for it, then
 * the agents of the other roles, the builtin one, and whoever did the work. A program reviews only
 * where it is named so.
 */
export function findReviewers(config: Known, repository: string, coder: string): AgentModel[] {
  const agentOf = (role: Role) => roleSettings(config.roles, role, repository).agent;
  const named = agentOf("reviewer");
  const others = [...roles.map(agentOf), coder].filter((agent) => agent !== null && isModel(agent));
  const builtin = config.model.apiKey ? ["builtin"] : [];
  // Without a name the role is the builtin agent's, with the model that is written for the role.
  const all = named === null ? [...builtin, ...others] : [named, ...others, ...builtin];
  return [...new Set(all)].flatMap((agent) =>
    agent === null ? [] : [{ agent, model: modelOf(config, "reviewer", repository, agent) }],
  );
}

/** Who settles what reviewers disagree about; null: nobody is named, and there is no builtin agent. */
export function findArbiter(config: Known, repository: string): string | null {
  const named = roleSettings(config.roles, "planner", repository).agent;
  return named ?? (config.model.apiKey ? "builtin" : null);
}

/** What works under this name as a coder. */
export function describeCoder(
  config: Known,
  repository: string,
  agent: string,
): AgentModel & { isModel: boolean } {
  return { agent, model: modelOf(config, "coder", repository, agent), isModel: isModel(agent) };
}

/** The model that an agent runs in a role; null: it has one of its own, or none. */
function modelOf(config: Known, role: Role, repository: string, agent: string): string | null {
  const settings = roleSettings(config.roles, role, repository);
  const written = settings.agent === null || settings.agent === agent ? settings.model : null;
  return written ?? (agent === "builtin" ? config.model.name : null);
}

function isModel(agent: string): boolean {
  return parseAgentName(agent)?.kind !== "command";
}
