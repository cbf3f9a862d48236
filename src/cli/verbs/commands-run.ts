import { taskWire } from "../../api/task/task.ts";
import { toSnakeCase } from "../../core/text/letter-case.ts";
import { ApiError, connect, idempotencyHeader } from "../client.ts";
import { chooseRepository } from "../find-repository.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readFreeze } from "../read-freeze.ts";
import { readAttachments, readGoal, readTextFile } from "../read-input.ts";
import { renderTable } from "../render/text.ts";
import { watchTask } from "./commands-watch.ts";

/**
 * `deputy run`: read the named inputs, submit them as one task, and follow it if asked to. Options
 * that are not listed here are fields of the task and are sent in their wire names.
 */
export type RunOptions = Record<string, unknown> & {
  repo?: string;
  check?: string[];
  plan?: string;
  approvePlan?: boolean;
  attach?: string[];
  timeout?: number;
  idempotencyKey?: string;
  watch?: boolean;
  json?: boolean;
};

export async function runTask(io: CliIo, goal: string, options: RunOptions): Promise<ExitCode> {
  const { json, watch, idempotencyKey, ...task } = options;
  const body = await buildTask(io, goal, task);
  const { raw, value } = await connect(io)
    .json(taskWire, "POST", "/v1/tasks", {
      body,
      headers: idempotencyHeader(idempotencyKey),
    })
    .catch((error) => {
      throw namePlanFile(error, options.plan);
    });
  if (watch) {
    if (json) io.stdout.write(`${JSON.stringify({ type: "submitted", task: raw })}\n`);
    return watchTask(io, value.id, { json: json === true });
  }
  if (json) io.stdout.write(`${JSON.stringify(raw)}\n`);
  else {
    const next = renderTable([
      [`  deputy watch ${value.id}`, "follow it"],
      [`  deputy show ${value.id}`, "see how far it is"],
      [`  deputy cancel ${value.id}`, "stop it"],
    ]);
    const frozen = await readFreeze(io);
    const said = frozen === "" ? "Handed off; you can walk away.\n" : `Handed off.\n${frozen}`;
    io.stdout.write(`${value.id}\n\n${said}${next}\n`);
  }
  return exitCodes.ok;
}

/** The body of POST /v1/tasks. Absent options are not sent: the daemon has the defaults. */
async function buildTask(io: CliIo, goal: string, options: RunOptions) {
  const { repo, check, plan, approvePlan, attach, timeout, ...fields } = options;
  const repository = chooseRepository(repo, io.cwd);
  return {
    goal: await readGoal(goal, io),
    repository,
    checks: check,
    // Sent as text, so that errors name the line.
    ...(plan !== undefined && { plan_yaml: await readTextFile(plan, io.cwd) }),
    ...(approvePlan && { approval: "plan" }),
    ...(attach && { attachments: await readAttachments(attach, io.cwd) }),
    timeout_minutes: timeout,
    ...Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [toSnakeCase(name), value]),
    ),
  };
}

/** The daemon knows the plan's text and lines, but only the user knows the file. */
function namePlanFile(error: unknown, file: string | undefined): unknown {
  const isPlan = error instanceof ApiError && (error.line !== null || isPlanField(error.field));
  if (file === undefined || !isPlan) return error;
  const place = error.line === null ? file : `${file}:${error.line}`;
  const message = error.message.replace(`, line ${error.line}:`, ":");
  return new CliError(error.exitCode, `${place}: ${message}`);
}

function isPlanField(field: string | null): boolean {
  return field !== null && /^plan(_yaml)?\b/.test(field);
}
