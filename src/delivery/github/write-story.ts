import type { QuestionKind } from "../../core/task/question.ts";
import { decisionOf, type Task } from "../../core/task/task.ts";
import { makeInert } from "../../core/text/inert-text.ts";

/**
 * What the one comment on an issue says about its task: where the work stands, in a line or two.
 * Pure, from the task's row alone, so that it can be written again at any time. Public readers get
 * neither the text of a question nor anybody else's words, but why it failed.
 */
export function writeStory(task: StoryTask, asked: QuestionKind | null): string {
  const { branch, deliveryUrl, id } = task;
  const decision = decisionOf(task);
  const draft = deliveryUrl ?? (branch === null ? null : `the branch \`${branch}\``);
  const sofar = draft === null ? "" : `\n\nThe work so far: ${draft}`;
  const line = (text: string) => `${text}${sofar}\n\n\`${id}\``;
  if (decision === "rolled_back" || decision === "discarded")
    return `The work on this was taken back.\n\n\`${id}\``;
  switch (task.state) {
    case "completed":
      return `${decision === "accepted" ? "The work was accepted" : deliveryUrl ? "A draft is here" : "The work is done"}: ${draft ?? "there was nothing to change"}\n\n\`${id}\``;
    case "failed":
      return line(`The work failed, because ${why(task.endDetail)}`);
    case "cancelled":
      return line(`The work was stopped: ${why(task.endDetail)}`);
    case "waiting":
      return line(`The work waits for ${asked === null ? "an answer" : awaited[asked]}.`);
    default: {
      if (task.pausedAt) return line("The work is paused.");
      const { hold } = task;
      const isLong =
        hold?.kind === "wake" && hold.at.getTime() - task.updatedAt.getTime() > longWaitMs;
      if (isLong) return line(`The work waits until ${hold.at.toISOString()}, then it goes on.`);
      return line(draft === null ? "Work on this has started." : "This is worked on again.");
    }
  }
}

export type StoryTask = Pick<
  Task,
  | "id"
  | "state"
  | "hold"
  | "branch"
  | "deliveryUrl"
  | "endDetail"
  | "pausedAt"
  | "acceptedAt"
  | "rolledBackAt"
  | "discardedAt"
  | "updatedAt"
>;

/** Shorter waits are not worth an edit. */
const longWaitMs = 15 * 60_000;
const maxWhy = 1_000;

/** Who runs the daemon answers; nobody can do so on GitHub. */
const awaited: Record<QuestionKind, string> = {
  approval: "an approval before it starts",
  question: "an answer to a question of the agent's",
  plan: "an approval of its plan",
  review: "a decision about what a review found",
  judges: "a decision about changed tests or checks",
  pause: "somebody to resume it",
  budget: "a decision about its budget",
  permission: "a permission",
  stuck: "a person's help",
};

function why(detail: string | null): string {
  return makeInert((detail ?? "nobody said why").replace(/\s+/g, " ").slice(0, maxWhy));
}
