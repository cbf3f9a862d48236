import { z } from "zod";
import { attentionWire } from "../../api/attention.ts";
import { ladderWire } from "../../api/task/ladder.ts";
import { snapshotsWire } from "../../api/task/snapshots.ts";
import { taskDetailWire, taskListWire } from "../../api/task/task-detail.ts";
import { whyWire } from "../../api/task/why.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import { connect, taskPath } from "../client.ts";
import { type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { chooseColors } from "../render/colors.ts";
import { renderAttention } from "../render/render-attention.ts";
import { renderFreeze } from "../render/render-freeze.ts";
import { renderLadder } from "../render/render-ladder.ts";
import { renderSnapshots } from "../render/render-snapshots.ts";
import { renderDetail, renderList, renderUnreadable } from "../render/render-task.ts";
import { renderWhy } from "../render/render-why.ts";
import { plain } from "../render/text.ts";

/** The read-only verbs: inbox, ls, show, why, ladder, snapshots, log, diff, receipt. */
export type Json = { json?: boolean };

/** Prints one JSON document, or the page for people. */
function print(io: CliIo, { json }: Json, raw: unknown, page: () => string): ExitCode {
  io.stdout.write(json ? `${JSON.stringify(raw)}\n` : ensureNewline(page()));
  return exitCodes.ok;
}

/** On a terminal text loses its control characters; a pipe or a file gets it unchanged. */
function forReader(io: CliIo, text: string): string {
  return io.stdout.isTTY ? plain(text) : text;
}

function ensureNewline(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

export async function listTasks(
  io: CliIo,
  options: Json & { state?: string; limit: number; cursor?: string },
): Promise<ExitCode> {
  const query = new URLSearchParams({ limit: String(options.limit) });
  if (options.state !== undefined) query.set("state", options.state);
  if (options.cursor !== undefined) query.set("cursor", options.cursor);
  const { raw, value } = await connect(io).json(taskListWire, "GET", `/v1/tasks?${query}`);
  return print(io, options, raw, () => {
    const frozen = renderFreeze(value.freeze);
    if (value.tasks.length + value.unreadable.length === 0)
      return `${frozen}No tasks. Hand one off with: deputy run "GOAL"`;
    const list = renderList(value.tasks, Date.now(), io.stdout.columns ?? 120);
    const more = value.next_cursor && `\nOlder ones: deputy ls --cursor ${value.next_cursor}`;
    return frozen + list + renderUnreadable(value.unreadable) + (more ?? "");
  });
}

export async function listAttention(io: CliIo, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(attentionWire, "GET", "/v1/attention");
  return print(io, options, raw, () => renderAttention(value, Date.now()));
}

export async function showTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const client = connect(io);
  const { raw, value } = await client.json(taskDetailWire, "GET", taskPath(id));
  const why = isTaskOver(value.task.state)
    ? null
    : (await client.json(whyWire, "GET", taskPath(value.task.id, "/why"))).value;
  return print(io, options, raw, () => {
    const page = renderDetail(value, why, Date.now(), chooseColors(io));
    return page + renderUnreadable(value.unreadable);
  });
}

export async function explainTask(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(whyWire, "GET", taskPath(id, "/why"));
  return print(io, options, raw, () => renderWhy(value, Date.now()));
}

export async function listSnapshots(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(snapshotsWire, "GET", taskPath(id, "/snapshots"));
  return print(io, options, raw, () => renderSnapshots(value));
}

export async function showLadder(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const { raw, value } = await connect(io).json(ladderWire, "GET", taskPath(id, "/ladder"));
  return print(io, options, raw, () => renderLadder(value));
}

export async function showLog(
  io: CliIo,
  id: string,
  options: Json & { attempt?: number; subtask?: string; tail?: number },
): Promise<ExitCode> {
  const query = new URLSearchParams();
  if (options.attempt !== undefined) query.set("attempt", String(options.attempt));
  if (options.subtask !== undefined) query.set("subtask", options.subtask);
  if (options.tail !== undefined) query.set("tail_bytes", String(options.tail));
  const log = await connect(io).text(taskPath(id, `/log?${query}`), "text/plain");
  if (log === "" && !options.json) io.stderr.write("It printed nothing.\n");
  return print(io, options, { log }, () => forReader(io, log));
}

export async function showDiff(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const diff = await connect(io).text(taskPath(id, "/diff"), "text/x-diff");
  return print(io, options, { diff }, () => forReader(io, diff));
}

export async function showReceipt(io: CliIo, id: string, options: Json): Promise<ExitCode> {
  const client = connect(io);
  if (options.json) {
    const { raw } = await client.json(z.unknown(), "GET", taskPath(id, "/receipt?format=json"));
    return print(io, options, raw, () => "");
  }
  const receipt = await client.text(taskPath(id, "/receipt?format=md"), "text/markdown");
  return print(io, options, null, () => forReader(io, receipt));
}
