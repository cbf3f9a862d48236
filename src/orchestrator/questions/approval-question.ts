import { newId } from "../../core/base/id.ts";
import type { TaskChange, TaskLedger } from "../../core/ledger/task-ledger.ts";
import { withdrawn } from "../../core/task/question.ts";
import type { Task } from "../../core/task/task.ts";
import { change } from "../commands/commands.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import type { Announce } from "../transitions/announce.ts";

/**
 * The question whether a task may run at all. It contains everything that would run: the goal, the
 * agent, and all outside text as the agents get it. If that text changes before an answer, the
 * question is withdrawn and asked again.
 */
export function writeApproval(
  ask: string,
  { agent, checks, goal, origin, repository }: ApprovedParts,
  changed: string | null = null,
): string {
  const { author, outsideText } = origin;
  return [
    ask,
    ...(changed === null ? [] : [`It is asked again, because ${changed}.`]),
    [
      `Goal: ${goal.trim().replaceAll("\n", "\n  ")}`,
      `Repository: ${repository}`,
      `Agent: ${agent}`,
      ...(checks.length > 0 ? [`Checks: ${checks.join("; ")}`] : []),
    ].join("\n"),
    ...(outsideText === null
      ? []
      : [
          `What ${author ?? "somebody outside"} wrote, unchecked; the agents get it as data:\n${quote(outsideText)}`,
        ]),
  ].join("\n\n");
}

type ApprovedParts = Pick<Task, "agent" | "checks" | "goal" | "repository" | "origin">;

/** Every line is marked, so that none can pass for one of ours. */
function quote(text: string): string {
  return text.replace(/^/gm, "> ");
}

/** Announce the question. The caller sets the task's hold to `questionId`, before or after. */
export async function announceApproval(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  questionId: string,
  text: string,
): Promise<void> {
  await announce(ledger, task, {
    type: "question.asked",
    message: `Question: ${text}`,
    data: { question_id: questionId, question: text, kind: "approval" },
  });
}

export async function askForApproval(
  ledger: TaskLedger,
  announce: Announce,
  task: Task,
  text: string,
  set: TaskChange = {},
): Promise<void> {
  const questionId = newId("question");
  const about = { taskId: task.id, subtaskId: null };
  await ledger.insertQuestion({ id: questionId, ...about, kind: "approval", text });
  const asking = await ledger.moveTask(task, "waiting", { kind: "question", questionId }, set);
  await announceApproval(ledger, announce, asking, questionId, text);
}

/** A change of the issue that a task is about. */
export type OriginChange = {
  /** A clause with its actor: "mallory edited acme/app#2". */
  what: string;
  /** The new text; null: unchanged. */
  outsideText: string | null;
  /** The person who changed it has write access to the repository. */
  mayWrite: boolean;
};

/**
 * Handles a change of a task's issue. A task that waits for approval is asked about again, unless
 * what would run is the same; an approved one continues with what was approved, and an event says
 * so. Returns the result. Idempotent.
 */
export async function changeOrigin(
  deps: AdvanceDeps,
  taskId: string,
  { mayWrite, what, outsideText }: OriginChange,
): Promise<string> {
  let result = "";
  await change(deps, taskId, async (ledger, task, subtasks) => {
    const open = (await ledger.listOpenQuestions(task.id)).find(({ kind }) => kind === "approval");
    const isHeld = task.hold?.kind === "question" && task.hold.questionId === open?.id;
    const origin = { ...task.origin, outsideText: outsideText ?? task.origin.outsideText };
    const isSame = origin.outsideText === task.origin.outsideText;
    if (!open || !isHeld) {
      if (isSame && outsideText !== null) {
        result = "ignored: its text is unchanged";
        return;
      }
      // Nobody has read it yet, so what somebody with write access makes of it is what is worked on.
      const isInTime = mayWrite && subtasks.length === 0 && !isSame;
      if (isInTime) await ledger.moveTask(task, task.state, task.hold, { origin });
      result = `${what}; the task ${isInTime ? "starts with the new text" : "continues with the text it was started with"}`;
      const message = `${what[0]?.toUpperCase()}${result.slice(1)}`;
      await ledger.appendEvent(task.id, { type: "task.origin_changed", message });
      return;
    }
    const [ask = ""] = open.text.split("\n");
    const text = writeApproval(ask, { ...task, origin }, what);
    if ((isSame && outsideText !== null) || text === open.text) {
      result = "ignored: nothing that needs approval has changed";
      return;
    }
    await ledger.setAnswer(open.id, `${withdrawn}${what}`);
    await ledger.appendEvent(task.id, {
      type: "task.origin_changed",
      message: `Before anybody answered, ${what}: it is asked again`,
      data: { question_id: open.id },
    });
    await askForApproval(ledger, deps.announce, task, text, { origin: origin });
    result = "asked again";
  });
  return result;
}
