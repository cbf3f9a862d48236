import { sentWire } from "../../api/command.ts";
import { taskWire } from "../../api/task.ts";
import { connect } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readGoal } from "../read-input.ts";
import { oneLine } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** The verbs that steer a task in progress: say, comment, pause, resume. */
export async function sayToTask(
  io: CliIo,
  id: string,
  text: string,
  options: Json & { subtask?: string },
): Promise<ExitCode> {
  const body = {
    text: await readGoal(text, io),
    ...(options.subtask !== undefined && { subtask: options.subtask }),
  };
  const path = `/v1/tasks/${encodeURIComponent(id)}/say`;
  return tell(io, path, body, options);
}

export async function commentOnTask(
  io: CliIo,
  id: string,
  place: string,
  text: string,
  options: Json,
): Promise<ExitCode> {
  const body = { place, text: await readGoal(text, io) };
  return tell(io, `/v1/tasks/${encodeURIComponent(id)}/comment`, body, options);
}

async function tell(io: CliIo, path: string, body: unknown, { json }: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(sentWire, "POST", path, { body });
  io.stdout.write(
    json ? `${JSON.stringify(raw)}\n` : `${value.id}: ${oneLine(value.when, 1_000)}.\n`,
  );
  return exitCodes.ok;
}

export async function pauseTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  return steer(io, id, "pause", undefined, options, "is paused; what it did so far is kept.");
}

export async function resumeTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  return steer(io, id, "resume", undefined, options, "continues where it stopped.");
}

async function steer(
  io: CliIo,
  id: string,
  verb: string,
  body: unknown,
  { json }: Json,
  sentence: string,
): Promise<ExitCode> {
  const path = `/v1/tasks/${encodeURIComponent(id)}/${verb}`;
  const { raw, value } = await connect(io).json(taskWire, "POST", path, { body });
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${value.id} ${sentence}\n`);
  return exitCodes.ok;
}
