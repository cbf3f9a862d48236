import type { Config } from "../../config/config.ts";
import { DeputyError } from "../../core/base/error.ts";
import { findPrice } from "../../core/budget/prices.ts";
import type { Check } from "../../core/proof/verdict.ts";
import type { RetryInput, Task } from "../../core/task/task.ts";
import type { RetryChanges } from "../../orchestrator/commands/retry-changes.ts";
import type { IntakeRules } from "../../orchestrator/intake/intake.ts";
import { inspectRepository } from "../../verifier/checks/inspect-repository.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";

type Deps = { config: Config; mirrors: Mirrors; intake: Pick<IntakeRules, "requireAgent"> };

/**
 * What a person wants changed, as the orchestrator takes it. Checks are merged with the repository's
 * own, which are read from the base commit again. Throws a DeputyError for an agent that cannot work
 * here, and for a model whose price a budget in dollars needs.
 */
export async function readChanges(
  { config, intake, mirrors }: Deps,
  task: Task,
  { agent, checks, model, timeout_minutes }: RetryInput,
): Promise<RetryChanges> {
  if (agent !== undefined) intake.requireAgent(agent);
  const isPriced =
    task.budget?.usd === undefined ||
    model === undefined ||
    (agent ?? task.agent) !== "builtin" ||
    findPrice(model, config.prices) !== null;
  if (!isPriced)
    throw new DeputyError(
      "unprocessable",
      `The task's budget has a cap in dollars, but the price of ${model} is unknown: set it under "prices" in config.yaml.`,
      { field: "model" },
    );
  return {
    ...(agent !== undefined && { agent }),
    ...(model !== undefined && { model }),
    ...(timeout_minutes !== undefined && {
      attemptTimeoutMs: Math.round(timeout_minutes * 60_000),
    }),
    ...(checks && { checks: { commands: checks, all: await findAll(mirrors, task, checks) } }),
  };
}

async function findAll(
  mirrors: Mirrors,
  { expectsChange, preparation }: Task,
  commands: readonly string[],
): Promise<Check[] | null> {
  if (!preparation || !expectsChange) return null;
  const mirror = mirrors.at(preparation.mirror);
  return (await inspectRepository(mirror, preparation.baseCommit, commands)).checks;
}
