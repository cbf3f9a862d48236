import { sentWire } from "../../api/command.ts";
import { taskWire } from "../../api/task.ts";
import { connect, taskPath } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readFreeze } from "../read-freeze.ts";
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
  return tell(io, taskPath(id, "/say"), body, options);
}

export async function commentOnTask(
  io: CliIo,
  id: string,
  place: string,
  text: string,
  options: Json,
): Promise<ExitCode> {
  const body = { place, text: await readGoal(text, io) };
  return tell(io, taskPath(id, "/comment"), body, options);
}

async function tell(io: CliIo, path: string, body: unknown, { json }: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(sentWire, "POST", path, { body });
  io.stdout.write(
    json ? `${JSON.stringify(raw)}\n` : `${value.id}: ${oneLine(value.when, 1_000)}.\n`,
  );
  return exitCodes.ok;
}

export async function pauseTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  return steer(io, id, "pause", options, "is paused; what it did so far is kept.");
}

export async function resumeTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const frozen = options.json ? "" : await readFreeze(io);
  return steer(io, id, "resume", options, `continues where it stopped.\n${frozen}`.trimEnd());
}

async function steer(
  io: CliIo,
  id: string,
  verb: string,
  { json }: Json,
  sentence: string,
): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(taskWire, "POST", taskPath(id, `/${verb}`));
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${value.id} ${sentence}\n`);
  return exitCodes.ok;
}
