import { findAgent, lookForAgents } from "../agents/find-agents.ts";
import type { Config } from "../config/config.ts";
import { roleSettings } from "../config/role-settings.ts";
import { findPrice } from "../core/budget/prices.ts";
import type { Fallback } from "../core/task/failure.ts";
import type { Subtask, Task } from "../core/task/task.ts";
import { agentConfig } from "./run-role.ts";

/**
 * Who could take over from a subtask's agent, in order: the configured ones; where nobody said,
 * neither the configuration nor the task, the first other agent that can work here. One that cannot
 * is left out, and so is a model of the daemon's key whose cost a budget in dollars could not cap.
 */
export function findFallbacks(
  config: Config,
  task: Pick<Task, "agent" | "agentNamed" | "budget" | "expectsChange" | "repository">,
  subtask: Pick<Subtask, "agent">,
): readonly Fallback[] {
  if (!task.expectsChange) return []; // a review is no coder's work
  const { fallbacks } = roleSettings(config.roles, "coder", task.repository);
  const agents = agentConfig(config);
  // Without slots of its own, attempts are for workers, whose agents are not known here.
  const canWork = (agent: string) =>
    config.concurrency === 0 || findAgent(agent, agents)?.usable !== false;
  const canPay = ({ agent, model }: Fallback) =>
    task.budget?.usd === undefined ||
    agent !== "builtin" ||
    findPrice(model ?? config.model.name, config.prices) !== null;
  if (fallbacks) return fallbacks.filter((each) => canWork(each.agent) && canPay(each));
  const isChosen = task.agentNamed || subtask.agent !== task.agent;
  if (isChosen || config.concurrency === 0) return [];
  for (const { name, usable } of lookForAgents(agents)) {
    const other = { agent: name, model: null };
    if (usable && name !== subtask.agent && canPay(other)) return [other];
  }
  return [];
}

/** One sentence for each configured agent that could not take over here, because it cannot work. */
export function findUnusableFallbacks(config: Config): string[] {
  const { byRepository, everywhere } = config.roles;
  const named = [everywhere, ...byRepository.values()].flatMap(
    ({ coder }) => coder.fallbacks ?? [],
  );
  const agents = agentConfig(config);
  const problems = named.flatMap(({ agent }) => {
    const found = findAgent(agent, agents);
    return found && !found.usable
      ? [`${agent}, of roles.coder.fallbacks, cannot take over: ${found.detail}`]
      : [];
  });
  return [...new Set(problems)];
}
