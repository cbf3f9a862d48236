import {
  type Ask,
  type AskOption,
  type AskUse,
  describeExpiry,
  describeUse,
  pageDays,
} from "../../core/attention/ask.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { TaskLedger } from "../../core/ledger/task-ledger.ts";
import { faultPoint } from "../runner/fault-point.ts";
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

/** Not for `accept` and `discard`, which change a repository (decide.ts), and not for a test. */
export async function pressOption(deps: AdvanceDeps, ask: Ask, press: Press): Promise<void> {
  await pressInside(deps, ask, press);
  faultPoint("press", "advanced");
}

async function pressInside(deps: AdvanceDeps, ask: Ask, press: Press): Promise<void> {
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

/** Uses the ask. Throws a DeputyError that says what is true where it was used, or is over. */
export async function takeAsk(
  ledger: TaskLedger,
  { id, options }: Ask,
  press: Omit<Press, "requirePlanner">,
): Promise<void> {
  const found = await ledger.lockAsk(id);
  if (!found)
    throw new DeputyError("gone", "What this asks about was removed; nothing was changed.");
  if (found.ask.usedAt !== null) throw new DeputyError("conflict", describeUse(found.ask));
  if (found.isOver) {
    const limit = `an answer page works for ${pageDays} days`;
    throw new DeputyError("gone", describeExpiry(found.ask, limit));
  }
  if (found.isPast)
    throw new DeputyError(
      "conflict",
      `${found.ask.taskId} was retried since; nothing was changed.`,
    );
  const { by, message } = press;
  const option = options.indexOf(press.option);
  await ledger.useAsk(id, { option, by, message });
  faultPoint("press", "claimed");
}
