import { taskWire } from "../../api/task.ts";
import type { Budget } from "../../core/budget/budget.ts";
import { ApiError, connect } from "../client.ts";
import { chooseRepository } from "../find-repository.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readAttachments, readGoal, readTextFile } from "../read-input.ts";
import { renderTable } from "../render/text.ts";
import { watchTask } from "./commands-watch.ts";

/** `deputy run`: read the named inputs, submit them as one task, and follow it if asked to. */
export type RunOptions = {
  repo?: string;
  base?: string;
  agent?: string;
  check?: string[];
  plan?: string;
  mode?: string;
  approvePlan?: boolean;
  deliver?: string;
  attach?: string[];
  allowTestChanges?: boolean;
  allow?: string[];
  proof?: string;
  assurance?: string;
  timeout?: number;
  budget?: Budget;
  idempotencyKey?: string;
  watch?: boolean;
  json?: boolean;
};

export async function runTask(io: CliIo, goal: string, options: RunOptions): Promise<ExitCode> {
  const body = await buildTask(io, goal, options);
  const { raw, value: task } = await connect(io)
    .json(taskWire, "POST", "/v1/tasks", {
      body,
      ...(options.idempotencyKey !== undefined && {
        headers: { "idempotency-key": options.idempotencyKey },
      }),
    })
    .catch((error) => {
      throw namePlanFile(error, options.plan);
    });
  if (options.watch) {
    if (options.json) io.stdout.write(`${JSON.stringify({ type: "submitted", task: raw })}\n`);
    return watchTask(io, task.id, { json: options.json === true });
  }
  if (options.json) io.stdout.write(`${JSON.stringify(raw)}\n`);
  else {
    const next = renderTable([
      [`  deputy watch ${task.id}`, "follow it"],
      [`  deputy show ${task.id}`, "see how far it is"],
      [`  deputy cancel ${task.id}`, "stop it"],
    ]);
    io.stdout.write(`${task.id}\n\nHanded off; you can walk away.\n${next}\n`);
  }
  return exitCodes.ok;
}

/** The body of POST /v1/tasks. Absent options are left out: the daemon has the defaults. */
async function buildTask(io: CliIo, goal: string, options: RunOptions) {
  const repository = chooseRepository(options.repo, io.cwd);
  return {
    goal: await readGoal(goal, io),
    repository,
    ...(options.base !== undefined && { base: options.base }),
    ...(options.agent !== undefined && { agent: options.agent }),
    ...(options.check && { checks: options.check }),
    // Sent as text, so that errors name the line.
    ...(options.plan !== undefined && { plan_yaml: await readTextFile(options.plan, io.cwd) }),
    ...(options.mode !== undefined && { mode: options.mode }),
    ...(options.approvePlan && { approval: "plan" }),
    ...(options.deliver !== undefined && { deliver: options.deliver }),
    ...(options.attach && { attachments: await readAttachments(options.attach, io.cwd) }),
    ...(options.allowTestChanges && { allow_test_changes: true }),
    ...(options.allow && { allow: options.allow }),
    ...(options.proof !== undefined && { proof: options.proof }),
    ...(options.assurance !== undefined && { assurance: options.assurance }),
    ...(options.timeout !== undefined && { timeout_minutes: options.timeout }),
    ...(options.budget !== undefined && { budget: options.budget }),
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
