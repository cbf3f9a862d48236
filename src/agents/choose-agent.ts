import { agentNameHelp, parseAgentName } from "../core/agent-name.ts";
import { DeputyError } from "../core/error.ts";
import type { Agent } from "./agent.ts";
import { type BuiltinOptions, makeBuiltinAgent } from "./builtin/builtin.ts";
import { makeCommandAgent } from "./command.ts";

/** What the daemon is configured with. `builtin` is null without an API key. */
export type AgentConfig = { builtin: BuiltinOptions | null };

const noKey =
  "No model is configured: set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), " +
  "or name a program with --agent 'command:…'.";

/**
 * The agent that a subtask names.
 * @throws DeputyError `invalid_input` for what is no agent's name, `unavailable` for an agent that
 * this daemon is not configured for.
 */
export function chooseAgent(name: string, config: AgentConfig): Agent {
  const parsed = parseAgentName(name);
  if (!parsed) {
    throw new DeputyError("invalid_input", `"${name}" is no known agent; ${agentNameHelp}`, {
      field: "agent",
    });
  }
  switch (parsed.kind) {
    case "command":
      return makeCommandAgent(parsed.command);
    case "builtin":
      if (!config.builtin) throw new DeputyError("unavailable", noKey, { field: "agent" });
      return makeBuiltinAgent(config.builtin);
  }
}

/**
 * The name of the agent for a task that names none.
 * @throws DeputyError `unprocessable` that says what to do when there is nothing to choose.
 */
export function defaultAgent(config: AgentConfig): string {
  if (config.builtin) return "builtin";
  throw new DeputyError("unprocessable", noKey, { field: "agent" });
}
