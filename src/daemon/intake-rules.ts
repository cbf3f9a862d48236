import { defaultAgent, requireUsable } from "../agents/choose-agent.ts";
import { checkedRepositories } from "../config/checked-repositories.ts";
import type { Config } from "../config/config.ts";
import { roleSettings } from "../config/role-settings.ts";
import { DeputyError } from "../core/base/error.ts";
import { requireForge } from "../delivery/forges/open-forges.ts";
import type { IntakeRules } from "../orchestrator/intake/intake.ts";
import { findUnpricedModel } from "../roles/meter.ts";
import { agentConfig, roleAgent } from "../roles/run-role.ts";

/** What intake asks of this daemon: its agents, its budget, the repositories it can read. */
export function makeIntakeRules(
  config: Config,
  core: Pick<IntakeRules, "db" | "transact" | "announce" | "createTask">,
): IntakeRules {
  return {
    ...core,
    ...agentRules(config),
    defaultTimeoutMs: (repository) => roleSettings(config.roles, "coder", repository).timeoutMs,
    checkRepository: checkedRepositories(),
    requirePullRequests: (repository) => requireForge(config, repository),
    defaultBudget: config.budget,
    defaultWhenStuck: config.whenStuck,
    unpricedModel: (agent, repository) => findUnpricedModel(config, agent, repository),
  };
}

/** The agent of a task that names none, and which agents are refused. */
export function agentRules(config: Config): Pick<IntakeRules, "defaultAgent" | "requireAgent"> {
  return {
    defaultAgent: (repository) =>
      roleSettings(config.roles, "coder", repository).agent ?? defaultAgent(agentConfig(config)),
    requireAgent: (name) => {
      // Without slots of its own, attempts are for workers, whose agents are not known here.
      if (config.concurrency > 0) requireUsable(name, agentConfig(config));
    },
  };
}

/**
 * Checks that another plan can be made: a person's feedback on a plan would otherwise end the task.
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
