import { DeputyError } from "../core/base/error.ts";
import type { IntakeRules } from "../orchestrator/intake/intake.ts";
import type { TriggerRules } from "../triggers/rules.ts";

/**
 * A sentence for each rule whose agent cannot work, or that needs one and there is none. For the
 * daemon's log when rules are read, and for `doctor`; the intake checks again for each event.
 */
export function findTriggerProblems(
  rules: TriggerRules,
  intake: Pick<IntakeRules, "defaultAgent" | "requireAgent">,
): string[] {
  const github = rules.github.map(({ agent, clone, repository }, index) => ({
    where: `github[${index}]`,
    agent,
    // A rule for many repositories is checked with the settings that hold for all of them.
    repository: clone.replaceAll("{repository}", repository),
  }));
  const named = [...rules.schedule, ...rules.hook].map(({ name, task }) => ({
    ...{ where: name, agent: task.agent ?? null, repository: task.repository },
  }));
  return [...github, ...named].flatMap(({ agent, repository, where }) => {
    try {
      intake.requireAgent(agent ?? intake.defaultAgent(repository));
      return [];
    } catch (error) {
      if (!(error instanceof DeputyError)) throw error;
      return [
        `${error.message} Until then events that fit ${where} of triggers.yaml start nothing: each waits for three days.`,
      ];
    }
  });
}
