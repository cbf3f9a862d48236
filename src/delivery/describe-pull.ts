import { withoutForge } from "../core/forge/place.ts";
import type { Attempt, Task } from "../core/task/task.ts";
import { cutText } from "../core/text/clean-text.ts";
import { makeInert } from "../core/text/inert-text.ts";
import type { Redact } from "../core/text/redact.ts";
import { summaryOf } from "./receipt/receipt.ts";

/**
 * What a pull request says above the receipt, which has the evidence and the cost: what it is for,
 * the goal, the agent's summary, and how to have it changed. Words of people and agents are inert;
 * the one live reference is to the issue that the task is about.
 */
export function describePull(task: Task, attempts: readonly Attempt[], redact: Redact): string {
  const quote = (text: string) =>
    makeInert(cutText(redact(text), maxQuote)).replaceAll("\n", "\n> ");
  const summary = summaryOf(attempts);
  const parts = [
    referTo(task),
    `The goal:\n\n> ${quote(task.goal)}`,
    summary ? `The agent says:\n\n> ${quote(summary)}` : "",
    `To have something changed: \`deputy comment ${task.id} FILE:LINE "what and why"\`. The work goes on in this pull request.`,
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n\n`;
}

const maxQuote = 4_000;

function referTo({ origin: { closes, replyTo } }: Task): string {
  if (replyTo === null) return "";
  return `${closes ? "Closes" : "For"} ${withoutForge(replyTo)}.`;
}
