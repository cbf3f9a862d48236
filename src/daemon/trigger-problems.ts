import type { Config } from "../config/config.ts";
import { DeputyError } from "../core/base/error.ts";
import { forgeKinds } from "../core/forge/place.ts";
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
  const ofForges = forgeKinds.flatMap((kind) =>
    rules[kind].flatMap((rule, index) => {
      if (isOwnRule(rule)) return []; // the task that delivered has its agent
      const { agent, clone, repository } = rule;
      // A rule for many repositories is checked with the settings that hold for all of them.
      const url = clone.replaceAll("{repository}", repository);
      return [{ where: `${kind}[${index}]`, agent, repository: url }];
    }),
  );
  // A file may name its own repository and agent.
  const named = [
    ...rules.schedule,
    ...rules.hook,
    ...rules.tasks,
    ...rules.watch,
    ...rules.inbox,
  ].flatMap(({ name, task: { agent = null, repository } }) =>
    repository === undefined ? [] : [{ where: name, agent, repository }],
  );
  return [...ofForges, ...named].flatMap(({ agent, repository, where }) => {
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

/** What the rules for forges beside GitHub lack, in sentences. */
export function findForgeProblems(rules: TriggerRules, forges: Config["forges"]): string[] {
  return (["gitea", "gitlab"] as const).flatMap((kind) => {
    if (rules[kind].length === 0) return [];
    const name = kind.toUpperCase();
    const section = `The rules in the section ${kind} of triggers.yaml`;
    const settings = forges.find((one) => one.kind === kind);
    if (!settings) return [`${section} start nothing: ${name}_URL is not set.`];
    const { token, webhookSecrets } = settings;
    if (token === null && webhookSecrets.length === 0)
      return [
        `${section} start nothing: set ${name}_WEBHOOK_SECRET for its webhooks, or ${name}_TOKEN to have its lists read.`,
      ];
    if (token !== null) return [];
    return [
      `${section} are without ${name}_TOKEN: nobody's permission can be asked, commands are not heard, and nothing is told there.`,
    ];
  });
}
