import { firedWire, schedulesWire, scheduleWire } from "../../api/schedules.ts";
import { connect } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { oneLine, renderTable } from "../render/text.ts";
import type { Json } from "./commands-look.ts";

/** The verbs for tasks that the clock starts: schedule ls, run, pause, resume. */
export async function listSchedules(io: CliIo, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(schedulesWire, "GET", "/v1/schedules");
  const rows = value.schedules.map(({ cron, goal, last, name, next_at, paused_at, tz }) => [
    name,
    `${cron} ${tz}`,
    paused_at === null ? (next_at ?? "never") : "paused",
    last?.task_id ?? oneLine(last?.result ?? "", 40),
    oneLine(goal, 60),
  ]);
  const table = renderTable([["NAME", "WHEN", "NEXT", "LAST", "GOAL"], ...rows]);
  const page = rows.length === 0 ? "No schedules: triggers.yaml has no section schedule." : table;
  return say(io, options, raw, page);
}

/** Has it fire now; refused work is an error. */
export async function runSchedule(io: CliIo, name: string, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(firedWire, "POST", pathOf(name, "run"));
  const { result, task_id } = value;
  const said = oneLine(result ?? "it is looked at soon", 1_000);
  say(io, options, raw, task_id === null ? `${name}: ${said}` : `${task_id} (${said})`);
  return task_id === null && result !== null ? exitCodes.taskFailed : exitCodes.ok;
}

export async function steerSchedule(
  io: CliIo,
  name: string,
  verb: "pause" | "resume",
  options: Json,
): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(scheduleWire, "POST", pathOf(name, verb));
  const next = value.paused_at === null ? `fires next at ${value.next_at}` : "is paused";
  return say(io, options, raw, `${name} ${next}.`);
}

function pathOf(name: string, verb: string): string {
  return `/v1/schedules/${encodeURIComponent(name)}/${verb}`;
}

function say(io: CliIo, { json }: Json, raw: unknown, page: string): ExitCode {
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : `${page}\n`);
  return exitCodes.ok;
}
