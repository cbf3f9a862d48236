import type { IntakeRequest } from "../../orchestrator/intake/intake.ts";
import type { TriggerRules } from "../rules.ts";
import { matchGithub, type OwnBranch } from "./match-github.ts";

/**
 * For `deputy trigger test payload.json`: shows what a payload would start, without starting it.
 * Includes the outside text as an agent would get it, and why the task would be refused, if so.
 */
export async function testTrigger(
  event: string,
  payload: unknown,
  rules: TriggerRules,
  whyRefused: (
    request: Pick<IntakeRequest, "input" | "origin" | "recipe">,
  ) => Promise<string | null>,
  isOwnBranch: (branch: OwnBranch) => Promise<boolean>,
) {
  const match = matchGithub(event, payload, rules);
  if (!match.fires) {
    const hint =
      rules.github.length === 0
        ? "; no rules are in force, so nothing fires: see triggers.yaml"
        : "";
    return { event, fires: false as const, reason: `${match.reason}${hint}` };
  }
  const { subject, recipe, taskInput, origin, needsApproval, askAbout, perhapsOurs, reason } =
    match.trigger;
  if (perhapsOurs && (await isOwnBranch(perhapsOurs))) {
    const own = `${perhapsOurs.branch.slice(0, 100)} is a branch of ours`;
    return { event, fires: false as const, reason: own };
  }
  return {
    event,
    fires: true as const,
    reason,
    refused: await whyRefused({ input: taskInput, origin, recipe }),
    subject,
    recipe,
    needs_approval: needsApproval,
    approval_unless_writer: askAbout?.login ?? null,
    reply_to: origin.replyTo,
    task: taskInput,
    outside_text: origin.outsideText,
  };
}
