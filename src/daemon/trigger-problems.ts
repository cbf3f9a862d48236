import { DeputyError } from "../core/base/error.ts";
import type { IntakeRules } from "../orchestrator/intake/intake.ts";
import { isOwnRule } from "../triggers/github/github-rule.ts";
import type { TriggerRules } from "../triggers/rules.ts";

/**
 * A sentence for each rule whose agent cannot work, or that needs one and there is none. For the
 * daemon's log when rules are read, and for `doctor`; the intake checks again for each event.
 */
export function findTriggerProblems(
  rules: TriggerRules,
  intake: Pick<IntakeRules, "defaultAgent" | "requireAgent">,
): string[] {
  const github = rules.github.flatMap((rule, index) => {
    if (isOwnRule(rule)) return []; // the task that delivered has its agent
    const { agent, clone, repository } = rule;
    // A rule for many repositories is checked with the settings that hold for all of them.
    const url = clone.replaceAll("{repository}", repository);
    return [{ where: `github[${index}]`, agent, repository: url }];
  });
  // A file may name its own repository and agent.
  const named = [...rules.schedule, ...rules.hook, ...rules.tasks, ...rules.inbox].flatMap(
    ({ name, task: { agent = null, repository } }) =>
      repository === undefined ? [] : [{ where: name, agent, repository }],
  );
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
