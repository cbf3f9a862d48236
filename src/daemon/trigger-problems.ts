import { DeputyError } from "../core/base/error.ts";
import type { IntakeRules } from "../orchestrator/intake/intake.ts";
import type { TriggerRules } from "../triggers/rules.ts";

/**
 * Which rules name an agent that cannot work, or need one and there is none: a sentence each. For the
 * daemon's log when rules are read, and for `doctor`; when an event comes the intake looks again.
 */
export function findTriggerProblems(
  { github }: TriggerRules,
  intake: Pick<IntakeRules, "defaultAgent" | "requireAgent">,
): string[] {
  return github.flatMap((rule, index) => {
    try {
      // A rule for many repositories is looked at with what holds for all of them.
      const repository = rule.clone.replaceAll("{repository}", rule.repository);
      intake.requireAgent(rule.agent ?? intake.defaultAgent(repository));
      return [];
    } catch (error) {
      if (!(error instanceof DeputyError)) throw error;
      return [
        `${error.message} Until then events that fit github[${index}] of triggers.yaml start nothing: each waits for three days.`,
      ];
    }
  });
}
