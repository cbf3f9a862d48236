import { deedWire, sentWire } from "../../api/command.ts";
import { type TaskView, taskWire } from "../../api/task/task.ts";
import { tellState } from "../../api/task/tell-state.ts";
import { connect, idempotencyHeader, taskPath } from "../client.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readFreeze } from "../read-freeze.ts";
import { readWords } from "../read-input.ts";
import { oneLine, plain } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** The verbs that steer a task in progress: say, comment, pause, resume, snooze, budget. */
export async function sayToTask(
  io: CliIo,
  id: string,
  words: readonly string[],
  options: Json & { subtask?: string },
): Promise<ExitCode> {
  const body = {
    text: await readWords(words, io),
    ...(options.subtask !== undefined && { subtask: options.subtask }),
  };
  return tell(io, taskPath(id, "/say"), body, options);
}

export async function commentOnTask(
  io: CliIo,
  id: string,
  place: string,
  words: readonly string[],
  options: Json,
): Promise<ExitCode> {
  const body = { place, text: await readWords(words, io) };
  return tell(io, taskPath(id, "/comment"), body, options);
}

async function tell(io: CliIo, path: string, body: unknown, { json }: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(sentWire, "POST", path, {
    body,
    headers: idempotencyHeader(),
  });
  io.stdout.write(
    json ? `${JSON.stringify(raw)}\n` : `${value.id}: ${oneLine(value.when, 1_000)}.\n`,
  );
  return exitCodes.ok;
}

export async function pauseTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  return steer(
    io,
    id,
    "pause",
    options,
    (task) => `${task.id} is paused; what it did so far is kept.`,
  );
}

export async function resumeTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const frozen = options.json ? "" : await readFreeze(io);
  return steer(
    io,
    id,
    "resume",
    options,
    (task) => `Resumed; ${plain(tellState(task))}.\n${frozen}`,
  );
}

export async function setBudget(
  io: CliIo,
  id: string,
  amount: string,
  { json }: Json,
): Promise<ExitCode> {
  const usd = Number(/^\$?(\d+(?:\.\d+)?)$/.exec(amount)?.[1]);
  if (!(usd > 0))
    throw new CliError(
      exitCodes.usage,
      `"${amount}" is no amount in dollars: give what the task may cost in all, like 20 or 7.50.`,
    );
  const { raw, value } = await connect(io).json(deedWire, "POST", taskPath(id, "/budget"), {
    body: { budget_usd: usd },
  });
  io.stdout.write(
    json ? `${JSON.stringify(raw)}\n` : `${value.task.id}: ${oneLine(value.detail, 300)}.\n`,
  );
  return exitCodes.ok;
}

/** `time`: `30m`, `2h`, `1d`, or `off`. */
export async function snoozeTask(
  io: CliIo,
  id: string,
  time: string,
  { json }: Json,
): Promise<ExitCode> {
  const [, count, unit = "m"] = /^(\d{1,5})([mhd])?$/.exec(time === "off" ? "0" : time) ?? [];
  if (count === undefined)
    throw new CliError(
      exitCodes.usage,
      `"${time}" is no time to snooze for: give minutes, hours or days, like 30m, 2h or 1d, or off.`,
    );
  const minutes = Number(count) * ({ m: 1, h: 60, d: 24 * 60 }[unit] ?? 1);
  const { raw, value } = await connect(io).json(deedWire, "POST", taskPath(id, "/snooze"), {
    body: { minutes },
  });
  io.stdout.write(
    json ? `${JSON.stringify(raw)}\n` : `${value.task.id}: ${oneLine(value.detail, 300)}.\n`,
  );
  return exitCodes.ok;
}

async function steer(
  io: CliIo,
  id: string,
  verb: string,
  { json }: Json,
  describe: (task: TaskView) => string,
): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(taskWire, "POST", taskPath(id, `/${verb}`));
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${describe(value).trimEnd()}\n`);
  return exitCodes.ok;
}
