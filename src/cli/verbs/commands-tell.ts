import { deedWire, restoredWire } from "../../api/command.ts";
import { restoredSnapshotWire } from "../../api/task/snapshots.ts";
import { taskWire } from "../../api/task/task.ts";
import { choicesOf, taskDetailWire } from "../../api/task/task-detail.ts";
import { tellState } from "../../api/task/tell-state.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import { connect, taskPath } from "../client.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readFreeze } from "../read-freeze.ts";
import { readWords } from "../read-input.ts";
import { oneLine, plain } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** The verbs that command a task: cancel, retry, accept, update, rollback, discard, answer, restore. */
function print(io: CliIo, { json }: Json, raw: unknown, lines: string[]): ExitCode {
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${lines.join("\n")}\n`);
  return exitCodes.ok;
}

export async function cancelTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(taskWire, "POST", taskPath(id, "/cancel"));
  const what =
    value.state === "cancelled" ? "is cancelled" : "is asked to stop; what it did so far is kept";
  return print(io, options, raw, [`${value.id} ${what}.`]);
}

export type RetryOptions = Json & {
  agent?: string;
  check?: string[];
  model?: string;
  timeout?: number;
};

export async function retryTask(io: CliIo, id: string, options: RetryOptions): Promise<ExitCode> {
  const { agent, check: checks, model, timeout: timeout_minutes } = options;
  const body = { agent, checks, model, timeout_minutes };
  const isChanged = Object.values(body).some((value) => value !== undefined);
  const path = taskPath(id, "/retry");
  const { raw, value } = await connect(io).json(taskWire, "POST", path, isChanged ? { body } : {});
  return print(io, options, raw, [
    value.paused_at
      ? `Retry requested; ${plain(tellState(value))}.`
      : `${value.id} is being retried. Follow it with: deputy watch ${value.id}`,
    ...(await listFreeze(io, options)),
  ]);
}

export async function decideTask(
  io: CliIo,
  id: string,
  verb: "accept" | "update" | "rollback" | "discard",
  options: Json,
): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(deedWire, "POST", taskPath(id, `/${verb}`));
  return print(io, options, raw, [oneLine(value.detail)]);
}

export async function answerTask(
  io: CliIo,
  id: string,
  words: readonly string[],
  options: Json & { question?: string },
): Promise<ExitCode> {
  const client = connect(io);
  const answer = await readWords(words, io);
  const shown = await client.json(taskDetailWire, "GET", taskPath(id));
  const question = shown.value.questions.find(({ id: asked, answer: given }) =>
    options.question === undefined ? given === null : asked === options.question,
  );
  // The answer is for the question as printed below: if its text has changed, the daemon refuses.
  // By its full id: `last` may name another task by now.
  const path = taskPath(shown.value.task.id, "/answer");
  const { raw, value } = await client.json(taskWire, "POST", path, {
    body: {
      answer,
      ...(options.question !== undefined && { question_id: options.question }),
      ...(question && { hash: question.hash }),
    },
  });
  return print(io, options, raw, [
    ...(question ? [`To ${question.id}:`, ...quoteLines(question.text)] : []),
    ...(question ? choicesOf(question) : []).map(
      (one, index) => `  | ${index + 1}: ${oneLine(one)}`,
    ),
    `Answered; ${plain(tellState(value))}.`,
    ...(isTaskOver(value.state)
      ? []
      : [`Follow it with: deputy watch ${value.id}`, ...(await listFreeze(io, options))]),
  ]);
}

/** After a verb that makes a task go on: the line that says why it does not yet, if there is one. */
async function listFreeze(io: CliIo, { json }: Json): Promise<string[]> {
  const frozen = json ? "" : await readFreeze(io);
  return frozen === "" ? [] : [frozen.trimEnd()];
}

function quoteLines(text: string): string[] {
  return text.split("\n").map((line) => `  | ${plain(line)}`);
}

/** `ID` brings removed worktrees back, `ID@3` puts the third snapshot into a folder of its own. */
export async function restoreTask(io: CliIo, name: string, options: Json): Promise<ExitCode> {
  const [id = "", number, ...rest] = name.split("@");
  if (number !== undefined) {
    if (rest.length > 0 || !/^[1-9]\d{0,4}$/.test(number))
      throw new CliError(
        exitCodes.usage,
        `"${name}" names no snapshot: after the @ comes its number, see deputy snapshots ${id}.`,
      );
    const path = taskPath(id, `/snapshots/${number}/restore`);
    const { raw, value } = await connect(io).json(restoredSnapshotWire, "POST", path);
    return print(io, options, raw, [oneLine(value.detail, 1_000)]);
  }
  const { raw, value } = await connect(io).json(restoredWire, "POST", taskPath(id, "/restore"));
  return print(io, options, raw, [
    oneLine(value.detail),
    ...value.worktrees.map((worktree) => `  ${oneLine(worktree.path)}`),
  ]);
}
