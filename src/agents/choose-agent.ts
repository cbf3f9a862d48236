import { agentNameHelp, type CliName, parseAgentName } from "../core/agent-name.ts";
import { DeputyError } from "../core/error.ts";
import type { McpServerConfig } from "../core/mcp-server.ts";
import type { Agent } from "./agent.ts";
import { type BuiltinOptions, makeBuiltinAgent } from "./builtin/builtin.ts";
import { makeCliAgent } from "./cli/run-cli.ts";
import { makeCommandAgent } from "./command.ts";
import { clis, findAgent, lookForAgents } from "./find-agents.ts";
import type { Protocol, Provider } from "./gateway/provider.ts";
import { withMcpTools } from "./mcp/with-mcp-tools.ts";

/** What the daemon is configured with. `builtin` is null without an API key. */
export type AgentConfig = {
  builtin: BuiltinOptions | null;
  /** The keys that there are: programs get the gateway instead. */
  providers: Record<Protocol, Provider | null>;
  /** The models of programs that a key works for; null: the program's own choice. */
  models: Record<CliName, string | null>;
  /** The role's own model, which a program with a login of its own gets too; null: it has none. */
  roleModel: string | null;
  /** Servers whose tools the builtin agent has; what they are given is read by its name. */
  mcpServers: readonly McpServerConfig[];
  readVariable: (name: string) => string | undefined;
  /** Where programs are looked for, and logins. */
  path: string;
  userHome: string;
};

const noKey =
  "No model is configured: set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), " +
  "install and log in to codex, claude or opencode, or name a program with --agent 'command:…'.";

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
    case "acp":
      return async (run) => {
        const { makeAcpAgent } = await import("./acp.ts"); // here: few daemons ever need its library
        const { providers, models, userHome } = config;
        return makeAcpAgent(parsed.command, { providers, model: models.opencode, userHome })(run);
      };
    case "builtin": {
      const { builtin } = config;
      if (!builtin) throw new DeputyError("unavailable", noKey, { field: "agent" });
      return withMcpTools(config.mcpServers, config.readVariable, (extraTools) =>
        makeBuiltinAgent({ ...builtin, extraTools }),
      );
    }
    case "codex":
    case "claude":
    case "opencode": {
      const cli = clis[parsed.kind];
      const found = findAgent(parsed.kind, config);
      if (!found?.usable || found.path === null) {
        const why = `${parsed.kind} cannot work here: ${found?.detail ?? "it is not known"}.`;
        throw new DeputyError("unavailable", why, { field: "agent" });
      }
      const provider = config.providers[cli.protocol];
      const model = provider ? config.models[parsed.kind] : config.roleModel;
      const refusal = provider || model === null ? null : cli.refuseModel(model);
      if (refusal !== null) throw new DeputyError("unavailable", refusal, { field: "model" });
      return makeCliAgent(cli, {
        program: found.path,
        provider,
        model,
        userHome: config.userHome,
      });
    }
  }
}

/**
 * Refuse an agent that cannot work here, before anything is made for it. A command is not looked for:
 * it may be in the repository, or come with its setup.
 * @throws DeputyError `unprocessable` that says what to do.
 */
export function requireUsable(name: string, config: AgentConfig): void {
  const found = findAgent(name, config);
  if (!found || found.usable) return;
  const why = `${name} cannot work here: ${found.detail}.`;
  throw new DeputyError("unprocessable", why, { field: "agent" });
}

/** The hosts that an agent must reach because it works with its own login; none with a key of ours. */
export function loginHosts(name: string, config: AgentConfig): readonly string[] {
  const parsed = parseAgentName(name);
  const cli = parsed && parsed.kind in clis ? clis[parsed.kind as CliName] : null;
  return cli && !config.providers[cli.protocol] ? cli.loginHosts : [];
}

/**
 * The name of the agent for a task that names none: the first that can work, of ours, codex, claude
 * and opencode.
 * @throws DeputyError `unprocessable` that says what to do when there is nothing to choose.
 */
export function defaultAgent(config: AgentConfig): string {
  for (const agent of lookForAgents(config)) if (agent.usable) return agent.name;
  throw new DeputyError("unprocessable", noKey, { field: "agent" });
}
