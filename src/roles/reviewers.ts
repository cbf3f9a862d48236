import type { Config } from "../config/config.ts";
import { roleSettings } from "../config/role-settings.ts";
import type { Role } from "../core/budget/usage.ts";
import type { AgentModel } from "../core/review/choose-reviewers.ts";
import { parseAgentName } from "../core/settings/agent-name.ts";

/** The configuration that decides about reviewers. */
type Known = Pick<Config, "anthropic" | "model" | "roles">;

/**
 * Possible reviewers of a change of this repository, in order of preference: the configured one,
 * else the builtin agent; then the agents and models of the other roles, and the coder. A command
 * reviews only where it is configured to.
 */
export function findReviewers(config: Known, repository: string, coder: string): AgentModel[] {
  const own = config.model.apiKey ? "builtin" : null;
  const agentOf = (role: Role) => roleSettings(config.roles, role, repository).agent;
  const named = agentOf("reviewer");
  const candidates: [Role, string | null][] = [
    ["reviewer", named ?? own],
    ["planner", agentOf("planner") ?? own],
    ["coder", agentOf("coder") ?? own],
    ["coder", coder],
    ["reviewer", own],
  ];
  const found = candidates.flatMap(([role, agent]) =>
    agent !== null && (agent === named || isModel(agent))
      ? [{ agent, model: modelOf(config, role, repository, agent) }]
      : [],
  );
  return found.filter(
    ({ agent, model }, at) =>
      found.findIndex((other) => other.agent === agent && other.model === model) === at,
  );
}

/** Who settles disagreements of reviewers; null: none configured, and no builtin agent. */
export function findArbiter(config: Known, repository: string): string | null {
  const named = roleSettings(config.roles, "planner", repository).agent;
  return named ?? (config.model.apiKey ? "builtin" : null);
}

/** The agent and model that code under this name. */
export function describeCoder(
  config: Known,
  repository: string,
  agent: string,
): AgentModel & { isModel: boolean } {
  return { agent, model: modelOf(config, "coder", repository, agent), isModel: isModel(agent) };
}

/** The model that an agent runs in a role; null: it has an undisclosed one of its own, or none. */
function modelOf(config: Known, role: Role, repository: string, agent: string): string | null {
  const settings = roleSettings(config.roles, role, repository);
  const written = settings.agent === null || settings.agent === agent ? settings.model : null;
  if (written !== null) return written;
  const { anthropic, model } = config;
  switch (parseAgentName(agent)?.kind) {
    case "builtin":
      return model.name;
    case "codex":
    case "opencode":
    case "acp":
      return model.apiKey ? model.name : null; // the gateway uses the key's model
    case "claude":
      return anthropic.apiKey ? anthropic.model : null;
    case "command":
    case undefined:
      return null;
  }
}

function isModel(agent: string): boolean {
  return parseAgentName(agent)?.kind !== "command";
}
