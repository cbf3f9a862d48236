import { forgeKinds } from "../../core/forge/place.ts";
import type { IntakeRequest } from "../../orchestrator/intake/intake.ts";
import type { TriggerRules } from "../rules.ts";
import { readCommand } from "./commands/read-command.ts";
import { commentPayload, reviewPayload } from "./github-payload.ts";
import { findForOwn, isForCommands, matchGithub, type OwnBranch } from "./match-github.ts";

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
  const other = tellOther(event, payload, rules);
  if (other !== null) return { event, fires: false as const, reason: other };
  const match = matchGithub(event, payload, rules);
  if (!match.fires) {
    const hint = forgeKinds.every((kind) => rules[kind].length === 0)
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

/** What a payload does beside starting a task by its event; null: nothing. */
function tellOther(event: string, payload: unknown, rules: TriggerRules): string | null {
  const { data: said } = commentPayload.safeParse(event === "issue_comment" ? payload : null);
  const isHeard =
    said !== undefined &&
    rules[said.repository.forge].some((rule) => isForCommands(rule, said.repository.full_name));
  const command = isHeard ? readCommand(said?.comment.body ?? "", null) : null;
  if (command !== null)
    return `it is a command (${command.name ?? "unknown"}), which is carried out and not tried`;
  const { data: review } = reviewPayload.safeParse(
    event === "pull_request_review" ? payload : null,
  );
  const { forge, full_name: where } = review?.repository ?? { forge: "github", full_name: "" };
  return review && findForOwn(rules[forge], forge, "own_review.submitted", where).length > 0
    ? "it is a review: if the pull request is ours, its task is worked on again"
    : null;
}
