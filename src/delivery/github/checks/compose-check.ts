import type {
  CheckAction,
  CheckAnnotation,
  CheckReport,
} from "../../../core/forge/check-report.ts";
import { needsPerson } from "../../../core/forge/decide-repair.ts";
import { describeProof, finalOf } from "../../../core/proof/proof-words.ts";
import type { QuestionKind } from "../../../core/task/question.ts";
import { type Attempt, decisionOf, type Subtask, type Task } from "../../../core/task/task.ts";
import { makeInert } from "../../../core/text/inert-text.ts";
import { writeStory } from "../write-story.ts";

/**
 * What a task says of itself among the checks of a commit: how it stands, what the receipt has as
 * evidence, and places in the code. Pure, from rows, so that it can be written again at any time. All
 * words of others are inert.
 */
export type ReportedTask = {
  task: Task;
  subtasks: readonly Subtask[];
  attempts: readonly Attempt[];
  asked: QuestionKind | null;
};

/** `hasButtons`: whether a command from there is heard. */
export function composeCheck(of: ReportedTask, hasButtons: boolean): CheckReport {
  const { asked, task } = of;
  const conclusion = concludeCheck(of);
  const isReview = !task.expectsChange;
  return {
    name: isReview ? "Deputy review" : "Deputy",
    conclusion,
    title: writeTitle(of, conclusion),
    summary:
      task.state === "completed" && !isReview
        ? `${describeEvidence(of)}\n\n${writeStory(task, asked)}`
        : writeStory(task, asked),
    annotations: findPlaces(of, conclusion),
    actions: hasButtons ? actionsOf(conclusion) : [],
  };
}

/** What is left to say where another commit has the work now. */
export function supersedeCheck(report: CheckReport, commit: string): CheckReport {
  const words = `The work went on: see commit ${commit}.`;
  const said = { title: "The work went on", summary: words, annotations: [], actions: [] };
  return { ...report, conclusion: "neutral", ...said };
}

function concludeCheck({ subtasks, task }: ReportedTask): CheckReport["conclusion"] {
  const decision = decisionOf(task);
  switch (task.state) {
    case "completed":
      if (decision === "discarded" || decision === "rolled_back") return "cancelled";
      if (task.endDetail?.startsWith(needsPerson)) return "action_required";
      return describeProof(task, subtasks).verified ? "success" : "neutral";
    case "failed":
      return "failure";
    case "cancelled":
      return "cancelled";
    default:
      return null;
  }
}

function writeTitle(
  { asked, subtasks, task }: ReportedTask,
  conclusion: CheckReport["conclusion"],
): string {
  if (conclusion === null)
    return asked === null && task.hold?.kind !== "question" ? "At work" : "Waits for a person";
  if (conclusion === "action_required") return "A person is needed";
  if (conclusion === "failure") return "The work failed";
  if (conclusion === "cancelled")
    return task.state === "cancelled" ? "The work was stopped" : "The work was taken back";
  if (!task.expectsChange) return "Reviewed";
  return makeInert(describeProof(task, subtasks).headline).slice(0, maxTitle);
}

const maxTitle = 200;
const maxChecks = 50;

/** The headline of the receipt, and the checks that ran. */
function describeEvidence({ subtasks, task }: ReportedTask): string {
  const { detail, headline } = describeProof(task, subtasks);
  const verdicts = [...subtasks.map((subtask) => finalOf(subtask)), task.gateVerdict];
  const lines = verdicts.flatMap((verdict) =>
    (verdict?.checks ?? []).map(({ check, reason, result }) => {
      const command = check.command.replace(/\s+/g, " ").slice(0, 200);
      return `- ${makeInert(`${command} (${check.kind}): ${result}, ${reason}`)}`;
    }),
  );
  const checks = [...new Set(lines)].slice(0, maxChecks).join("\n");
  return `**${makeInert(headline)}**: ${makeInert(detail)}${checks === "" ? "" : `\n\n${checks}`}`;
}

const maxMessage = 2_000;
const maxPlaces = 200;

/**
 * Of delivered work what its review left, of failed work the tests that failed newly: lines of an
 * attempt that was not delivered would point at other code.
 */
function findPlaces(
  { attempts, subtasks }: ReportedTask,
  conclusion: CheckReport["conclusion"],
): CheckAnnotation[] {
  if (conclusion === null || conclusion === "cancelled") return [];
  const found =
    conclusion === "failure"
      ? subtasks.flatMap((subtask) => findFailing(subtask))
      : subtasks.flatMap((subtask) => findLeft(subtask, attempts));
  return found.slice(0, maxPlaces);
}

function findLeft({ id }: Subtask, attempts: readonly Attempt[]): CheckAnnotation[] {
  const review = attempts.findLast(({ subtaskId, verdict }) => {
    return subtaskId === id && verdict?.review !== undefined;
  })?.verdict?.review;
  return (review?.findings ?? []).flatMap(({ claim, file, lines, priority, state }) => {
    const isLeft = state.is === "open" || state.is === "note" || state.is === "accepted";
    if (!isLeft || !isPath(file)) return [];
    const level = priority <= 1 ? "warning" : "notice";
    const message = makeInert(claim).slice(0, maxMessage);
    return [{ path: file, from: lines?.from ?? 1, to: lines?.to ?? 1, level, message }];
  });
}

function findFailing(subtask: Subtask): CheckAnnotation[] {
  const newlyFailing = (finalOf(subtask)?.checks ?? []).flatMap((check) => check.newlyFailing);
  return [...new Set(newlyFailing)].flatMap((test) => {
    const [file = ""] = test.split(" > ");
    if (!isPath(file)) return [];
    const message = makeInert(`This test fails now: ${test}`).slice(0, maxMessage);
    return [{ path: file, from: 1, to: 1, level: "failure", message }];
  });
}

/** Of a file of the repository, and no other text. */
function isPath(text: string): boolean {
  return /^(?!\/|\.\.\/)[\w@.+/-]{1,300}\.\w{1,10}$/.test(text) && !text.includes("/../");
}

/** Each is a command of those in comments. */
function actionsOf(conclusion: CheckReport["conclusion"]): CheckAction[] {
  if (conclusion === null)
    return [{ label: "Stop", description: "Stop the work on this", identifier: "stop" }];
  if (conclusion === "failure" || conclusion === "cancelled")
    return [{ label: "Retry", description: "Try the work on this again", identifier: "retry" }];
  return [];
}
