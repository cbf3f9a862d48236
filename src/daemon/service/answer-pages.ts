import { timingSafeEqual } from "node:crypto";
import {
  type Ask,
  type AskOption,
  describeExpiry,
  describeUse,
  pageDays,
} from "../../core/attention/ask.ts";
import { DeputyError } from "../../core/base/error.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import { decisionOf, type Task, type TaskDecision } from "../../core/task/task.ts";
import type { Question } from "../../core/task/task-detail.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { Redact } from "../../core/text/redact.ts";
import { titleOf } from "../../core/text/title.ts";
import type { Receipt } from "../../delivery/receipt/receipt.ts";
import type { AnswerPage, AnswerService, TaskService } from "../../http/service.ts";
import { hashSecret, type ReplySecrets } from "../../notifier/replies/reply-secrets.ts";
import { pressOption } from "../../orchestrator/commands/press.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import { findAskOfPage } from "../../store/pushes/asks.ts";
import { findDevice } from "../../store/pushes/devices.ts";
import { listQuestions } from "../../store/tasks/questions.ts";
import { getTask } from "../../store/tasks/tasks.ts";
import type { Decide } from "./decide-delivered.ts";

/** The pages behind pushes: what each asks, what is true by now, and what a press does. */
type PageDeps = AdvanceDeps & {
  db: Db;
  secrets: ReplySecrets;
  redact: Redact;
  tasks: Pick<TaskService, "receipt">;
  decide: Decide;
  requirePlanner: (repository: string) => void;
};

export function makeAnswerPages(deps: PageDeps): AnswerService {
  const { db, redact, secrets, tasks } = deps;

  /** Throws where there is nothing to answer any more. */
  const open = async (token: string) => {
    const ask = await findAskOfPage(db, hashSecret(token));
    const isOurs = ask && isEqual(secrets.pageToken(ask.id), token);
    const task = isOurs ? await getTask(db, ask.taskId) : null;
    if (!ask || !task)
      throw new DeputyError("not_found", "This link leads to nothing; open the newest push.");
    if (ask.usedAt !== null) throw new DeputyError("gone", describeUse(ask));
    if (ask.expiresAt.getTime() <= Date.now())
      throw new DeputyError("gone", describeExpiry(ask, `a page works for ${pageDays} days`));
    const questions = ask.questionId === null ? [] : await listQuestions(db, task.id);
    const question = questions.find(({ id }) => id === ask.questionId) ?? null;
    const past = describePast(ask, task, question);
    if (past !== null) throw new DeputyError("gone", redact(past));
    return { ask, task, question };
  };

  const summarize = async (task: Task): Promise<AnswerPage["summary"]> => {
    const receipt = (await tasks.receipt(task.id)).json as Receipt;
    const files = receipt.delivery?.files ?? [];
    const checks = receipt.checks.map(({ command, result }) => ({ command, result }));
    if (files.length + checks.length === 0) return null;
    return { headline: receipt.headline, files, checks };
  };

  const press = async (
    ask: Ask,
    option: AskOption,
    said: { words: string | null; by: string; shown: string | null },
  ) => {
    const { verb } = option;
    const { shown, ...rest } = said;
    const about = { ...rest, option, message: null };
    if (verb === "accept" || verb === "discard") {
      const { detail } = await deps.decide(ask.taskId, verb, { ask, press: about, shown });
      return redact(detail);
    }
    await pressOption(deps, ask, { ...about, requirePlanner: deps.requirePlanner });
    return `${option.answer === null && verb === "answer" ? "Answered in your words" : `Answered: ${option.label}`}.`;
  };

  return {
    page: async (token) => {
      const { ask, question, task } = await open(token);
      const { id, repository, state } = task;
      const clean = (text: string) => redact(cleanOutsideText(text));
      const about = { id, repository: redact(withoutLogin(repository)), state };
      return {
        title: `${question ? "Needs an answer" : (headings[state] ?? "News")}: ${titleOf(task, redact)}`,
        ...{ task: about, options: ask.options },
        text: clean(question?.text ?? task.endDetail ?? ""),
        shown: task.deliveredCommit,
        summary: await summarize(task),
      };
    },
    answer: async (token, { option: index, session, shown, words }) => {
      const { ask } = await open(token);
      const option = ask.options[index];
      if (!option)
        throw new DeputyError("invalid_input", `There is no option ${index}; reload the page.`);
      const device = session === null ? null : await findDevice(db, hashSecret(session));
      if (option.risk === "high" && !device)
        throw new DeputyError("unauthorized", "Pair this device first: deputy pair.");
      if (option.risk === "high" && device?.scope === "view")
        throw new DeputyError(
          "forbidden",
          `This device may only look; deputy devices change ${device.id} --act lets it decide.`,
        );
      const by = device ? `the paired ${device.name}` : "an answer page";
      return press(ask, option, { words, by, shown });
    },
  };
}

const headings: Partial<Record<Task["state"], string>> = { completed: "Done", failed: "Failed" };

const decisionWords: Partial<Record<TaskDecision, string>> = {
  accepted: "accepted already",
  discarded: "discarded already",
  rolled_back: "rolled back already",
};

/** Why there is nothing to decide any more; null: there is. */
function describePast({ options, questionId }: Ask, task: Task, question: Question | null) {
  if (questionId !== null && !question) return `${task.id} asks nothing any more.`;
  if (question?.answeredAt)
    return `Already answered: ${(question.answer ?? "").slice(0, 200)}, at ${question.answeredAt.toISOString().slice(0, 16).replace("T", " ")} UTC.`;
  switch (options[0]?.verb) {
    case "retry":
      return task.state === "failed" ? null : `${task.id} is ${task.state} now.`;
    case "accept":
      if (decisionOf(task) === "open") return null;
      return `${task.id} is ${decisionWords[decisionOf(task) ?? "open"] ?? `${task.state} now: it was worked on again`}.`;
    default:
      return isTaskOver(task.state) ? `${task.id} is ${task.state}.` : null;
  }
}

function isEqual(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

function withoutLogin(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}
