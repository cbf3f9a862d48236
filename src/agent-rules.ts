import { defaultAgent, requireUsable } from "./agents/choose-agent.ts";
import type { Config } from "./config.ts";
import type { IntakeRules } from "./orchestrator/intake.ts";
import { roleSettings } from "./role-settings.ts";
import { agentConfig } from "./roles.ts";

/** The agents at the door: whom a task gets that names nobody, and who is refused. */
export function agentRules(config: Config): Pick<IntakeRules, "defaultAgent" | "requireAgent"> {
  return {
    defaultAgent: (repository) =>
      roleSettings(config.roles, "coder", repository).agent ?? defaultAgent(agentConfig(config)),
    requireAgent: (name) => {
      // Without slots of its own, attempts are for workers: what they have is not known here.
      if (config.concurrency > 0) requireUsable(name, agentConfig(config));
    },
  };
}
