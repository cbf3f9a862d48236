import { DeputyError } from "../core/base/error.ts";
import { agentNameHelp, type CliName, parseAgentName } from "../core/settings/agent-name.ts";
import type { McpServerConfig } from "../core/settings/mcp-server.ts";
import { startProgram } from "../sandbox/process/start-program.ts";
import type { Agent } from "./agent.ts";
import { type BuiltinOptions, makeBuiltinAgent } from "./builtin/builtin.ts";
import { makeCliAgent } from "./cli/run-cli.ts";
import { clis, findAgent, lookForAgents } from "./find-agents.ts";
import type { Protocol, Provider } from "./gateway/provider.ts";
import { withMcpTools } from "./mcp/with-mcp-tools.ts";
import { makeCommandAgent } from "./programs/command.ts";

/** The daemon's agent configuration. `builtin` is null without an API key. */
export type AgentConfig = {
  builtin: BuiltinOptions | null;
  /** The configured keys; programs get the gateway instead. */
  providers: Record<Protocol, Provider | null>;
  /** Models for programs that use a key of ours; null: the program's own choice. */
  models: Record<CliName, string | null>;
  /** The role's model, also for a program with its own login; null: none. */
  roleModel: string | null;
  /** Servers whose tools the builtin agent gets; `readVariable` returns what they are given. */
  mcpServers: readonly McpServerConfig[];
  readVariable: (name: string) => string | undefined;
  /** Where to look for programs and logins. */
  path: string;
  userHome: string;
};

const noKey =
  "No model is configured: set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), " +
  "install and log in to codex, claude or opencode, or name a program with --agent 'command:…'.";

/**
 * Returns the agent that a subtask names.
 * @throws DeputyError `invalid_input` for an unknown name, `unavailable` for an agent that is not
 * configured.
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
        const { makeAcpAgent } = await import("./programs/acp.ts"); // lazily: few daemons need its library
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
        program: startProgram(found.path, config.path),
        provider,
        model,
        userHome: config.userHome,
      });
    }
  }
}

/**
 * Refuses an agent that cannot work here, before anything is created for it. A command is not
 * looked up: it may be in the repository, or come with its setup.
 * @throws DeputyError `unprocessable` that says what to do.
 */
export function requireUsable(name: string, config: AgentConfig): void {
  const found = findAgent(name, config);
  if (!found || found.usable) return;
  const why = `${name} cannot work here: ${found.detail}.`;
  throw new DeputyError("unprocessable", why, { field: "agent" });
}

/** Returns the hosts an agent needs for its own login; none if it uses a key of ours. */
export function loginHosts(name: string, config: AgentConfig): readonly string[] {
  const parsed = parseAgentName(name);
  const cli = parsed && parsed.kind in clis ? clis[parsed.kind as CliName] : null;
  return cli && !config.providers[cli.protocol] ? cli.loginHosts : [];
}

/**
 * Returns the agent for a task that names none: the first usable one of builtin, codex, claude and
 * opencode.
 * @throws DeputyError `unprocessable` that says what to do if none is usable.
 */
export function defaultAgent(config: AgentConfig): string {
  for (const agent of lookForAgents(config)) if (agent.usable) return agent.name;
  throw new DeputyError("unprocessable", noKey, { field: "agent" });
}
