import { deedSchema, restoredSchema, taskSchema } from "./api.ts";
import { connect } from "./client.ts";
import type { Json } from "./commands-look.ts";
import { type CliIo, type ExitCode, exitCodes } from "./io.ts";
import { readGoal } from "./read-input.ts";
import { oneLine } from "./text.ts";

/** The verbs that tell a task something: cancel, retry, accept, discard, answer, restore. */
const path = (id: string, verb: string) => `/v1/tasks/${encodeURIComponent(id)}/${verb}`;

function print(io: CliIo, { json }: Json, raw: unknown, lines: string[]): ExitCode {
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${lines.join("\n")}\n`);
  return exitCodes.ok;
}

export async function cancelTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(taskSchema, "POST", path(id, "cancel"));
  const what =
    value.state === "cancelled" ? "is cancelled" : "is asked to stop; what it did so far is kept";
  return print(io, options, raw, [`${value.id} ${what}.`]);
}

export async function retryTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(taskSchema, "POST", path(id, "retry"));
  return print(io, options, raw, [
    `${value.id} is tried again. Follow it with: deputy watch ${value.id}`,
  ]);
}

export async function decideTask(
  io: CliIo,
  id: string,
  verb: "accept" | "discard",
  options: Json,
): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(deedSchema, "POST", path(id, verb));
  return print(io, options, raw, [oneLine(value.detail)]);
}

export async function answerTask(
  io: CliIo,
  id: string,
  text: string,
  options: Json & { question?: string },
): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(taskSchema, "POST", path(id, "answer"), {
    body: {
      answer: await readGoal(text, io),
      ...(options.question !== undefined && { question_id: options.question }),
    },
  });
  return print(io, options, raw, [
    `Answered; ${value.id} goes on. Follow it with: deputy watch ${value.id}`,
  ]);
}

export async function restoreTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(restoredSchema, "POST", path(id, "restore"));
  return print(io, options, raw, [
    oneLine(value.detail),
    ...value.worktrees.map((worktree) => `  ${oneLine(worktree.path)}`),
  ]);
}
