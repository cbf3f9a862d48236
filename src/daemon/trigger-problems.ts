import { DeputyError } from "../core/base/error.ts";
import type { IntakeRules } from "../orchestrator/intake/intake.ts";
import type { TriggerRules } from "../triggers/rules.ts";

/**
 * A sentence for each rule whose agent cannot work, or that needs one and there is none. For the
 * daemon's log when rules are read, and for `doctor`; the intake checks again for each event.
 */
export function findTriggerProblems(
  { github }: TriggerRules,
  intake: Pick<IntakeRules, "defaultAgent" | "requireAgent">,
): string[] {
  return github.flatMap((rule, index) => {
    try {
      // A rule for many repositories is checked with the settings that hold for all of them.
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
