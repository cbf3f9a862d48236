import { type Ask, type AskOption, type AskUse, buttonHours } from "../../core/attention/ask.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import type { AdvanceDeps } from "../transitions/advance.ts";
import { answerQuestion, retryTask } from "./commands.ts";
import { pauseTask } from "./steer.ts";

/**
 * A person's press of a button in a push, or on its page: the command that the option stands for, and
 * the use of the ask, in one transaction. So the first valid press wins, against another phone and
 * against the command line; whatever comes later throws a DeputyError that says what is true now.
 */
export type Press = Omit<AskUse, "option"> & {
  option: AskOption;
  /** For an option that takes the person's own words. */
  words: string | null;
  requirePlanner: (repository: string) => void;
};

/** Not for `accept` and `discard`, which change a repository, and not for a test. */
export async function pressOption(deps: AdvanceDeps, ask: Ask, press: Press): Promise<void> {
  const { option } = press;
  const taking: AdvanceDeps = {
    ...deps,
    transact: (work) =>
      deps.transact(async (ledger) => {
        await takeAsk(ledger, ask, press);
        return work(ledger);
      }),
  };
  switch (option.verb) {
    case "retry":
      await retryTask(taking, ask.taskId);
      return;
    case "pause":
      await pauseTask(taking, ask.taskId);
      return;
    case "answer": {
      const { questionId, taskId } = ask;
      const { requirePlanner } = press;
      await answerQuestion(taking, taskId, wordsOf(press), questionId, "person", requirePlanner);
      return;
    }
    default:
      throw new Error(`${option.verb} is no command of the orchestrator`);
  }
}

function wordsOf({ option, words }: Press): string {
  const said = option.answer ?? words?.trim() ?? "";
  if (said !== "") return said;
  throw new DeputyError("invalid_input", "The answer is empty; write what you decide.", {
    field: "answer",
  });
}

async function takeAsk(ledger: TaskLedger, { id, options }: Ask, press: Press): Promise<void> {
  const found = await ledger.lockAsk(id);
  if (!found) throw new DeputyError("gone", `${tooLate}: what it asks about was removed.`);
  if (found.ask.usedAt !== null) throw new DeputyError("conflict", describeUse(found.ask));
  if (found.isOver)
    throw new DeputyError(
      "gone",
      `${tooLate}: it was good for a few days. ${elsewhere(found.ask)}`,
    );
  if (found.isPast)
    throw new DeputyError(
      "conflict",
      `${found.ask.taskId} was retried since; nothing was changed.`,
    );
  const { by, message } = press;
  const option = options.indexOf(press.option);
  await ledger.useAsk(id, { option, by, message });
}

const tooLate = "Too late";

/** What became of an ask that was used. */
export function describeUse({ options, usedAt, usedBy, usedOption }: Ask): string {
  const label = options[usedOption ?? 0]?.label ?? "";
  return `Already answered: ${label}, at ${formatTime(usedAt)}, by ${usedBy}.`;
}

/** For a button that has outlived its hours. */
export function describeExpiry(ask: Ask): string {
  return `${tooLate}: a button is good for ${buttonHours} hours. ${elsewhere(ask)}`;
}

function elsewhere({ questionId, taskId }: Ask): string {
  const verb = questionId === null ? "show" : "answer";
  return taskId === "" ? "" : `Nothing was changed; use deputy ${verb} ${taskId}.`;
}

function formatTime(at: Date | null): string {
  return at === null ? "" : `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
