import { defaultAgent, requireUsable } from "../agents/choose-agent.ts";
import type { Config } from "../config/config.ts";
import { roleSettings } from "../config/role-settings.ts";
import { DeputyError } from "../core/base/error.ts";
import type { IntakeRules } from "../orchestrator/intake/intake.ts";
import { agentConfig, roleAgent } from "../roles/run-role.ts";

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

/**
 * That somebody could make another plan: what a person says about one would otherwise end the task.
 * @throws DeputyError for a planner that cannot work here.
 */
export function requirePlanner(config: Config, repository: string): void {
  try {
    requireUsable(roleAgent(config, "planner", repository) ?? "builtin", agentConfig(config));
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    throw new DeputyError(
      "conflict",
      `That asks for another plan, but no planner is available (${error.message.replace(/\.$/, "")}): answer "approve" or "cancel".`,
      { field: "answer" },
    );
  }
}
