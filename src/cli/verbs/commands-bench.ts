import { readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { taskWire } from "../../api/task/task.ts";
import { taskDetailWire } from "../../api/task/task-detail.ts";
import { fromWire } from "../../api/to-wire.ts";
import { sumUsage } from "../../core/budget/usage.ts";
import { connect, taskPath } from "../client.ts";
import { chooseRepository } from "../find-repository.ts";
import { followTask } from "../follow-task.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readTextFile } from "../read-input.ts";
import { type BenchResult, renderBench } from "../render/render-bench.ts";
import type { Json } from "./commands-look.ts";

/**
 * `deputy bench`: runs the same tasks in several modes, one at a time so that times compare, and
 * reports for each whether it was verified, calls, tokens, cost and time. A question to a person
 * ends a task, because nobody is there to answer.
 */
export const benchModes = {
  direct: { mode: "direct", assurance: "quick" },
  "direct+review": { mode: "direct", assurance: "standard" },
  plan: { mode: "plan", assurance: "quick" },
  "plan+review": { mode: "plan", assurance: "standard" },
} as const satisfies Record<string, Record<string, string>>;
type Mode = keyof typeof benchModes;

export async function runBench(
  io: CliIo,
  modeNames: string,
  folder: string,
  options: Json,
): Promise<ExitCode> {
  const modes = readModes(modeNames);
  const tasks = await readTasks(io, folder);
  const runs = tasks.flatMap((task) => modes.map((mode) => ({ ...task, mode })));
  const results: BenchResult[] = [];
  const interrupted = new AbortController();
  const forget = io.onInterrupt(() => interrupted.abort());
  for (const { name, mode, body } of runs) {
    const result = await runOnce(io, name, mode, body, interrupted.signal);
    results.push(result);
    if (!options.json) io.stderr.write(`${name}, ${mode}: ${result.result}\n`);
    if (interrupted.signal.aborted) break;
  }
  forget();
  io.stdout.write(options.json ? `${JSON.stringify({ results })}\n` : `${renderBench(results)}\n`);
  return interrupted.signal.aborted ? exitCodes.interrupted : exitCodes.ok;
}

function readModes(text: string): Mode[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !Object.hasOwn(benchModes, name));
  if (unknown === undefined) return names as Mode[];
  throw new CliError(
    exitCodes.usage,
    `"${unknown}" is not a bench mode; name some of these, with commas: ${Object.keys(benchModes).join(", ")}.`,
  );
}

type BenchTask = { name: string; body: Record<string, unknown> };

/** All files are read before the first task starts, so an error in the last one costs nothing. */
async function readTasks(io: CliIo, folder: string): Promise<BenchTask[]> {
  let names: string[];
  try {
    names = readdirSync(resolve(io.cwd, folder)).filter((name) => /\.ya?ml$/.test(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such folder" : code;
    throw new CliError(exitCodes.usage, `${folder} cannot be read as a folder: ${why}.`);
  }
  if (names.length === 0)
    throw new CliError(
      exitCodes.usage,
      `${folder} holds no tasks: put a YAML file for each into it.`,
    );
  return Promise.all(names.sort().map((name) => readTask(io, join(folder, name))));
}

const taskFileSchema = z.looseObject({ goal: z.string(), repository: z.string().optional() });

async function readTask(io: CliIo, file: string): Promise<BenchTask> {
  const { parseDocument } = await import("yaml"); // lazily: no other client verb reads YAML
  const document = parseDocument(await readTextFile(file, io.cwd));
  const syntax = document.errors[0]?.message.split("\n")[0]?.replace(/:$/, "");
  const parsed = taskFileSchema.safeParse(syntax ? null : document.toJS());
  if (!parsed.success) {
    throw new CliError(exitCodes.usage, `${file} is not a task: ${syntax ?? 'it needs a "goal"'}.`);
  }
  // A path is relative to the file; the default is the checkout that contains the file.
  const repository = chooseRepository(parsed.data.repository, dirname(resolve(io.cwd, file)));
  return { name: basename(file).replace(/\.ya?ml$/, ""), body: { ...parsed.data, repository } };
}

async function runOnce(
  io: CliIo,
  name: string,
  mode: Mode,
  body: Record<string, unknown>,
  interrupted: AbortSignal,
): Promise<BenchResult> {
  const { value: task } = await connect(io)
    .json(taskWire, "POST", "/v1/tasks", {
      body: { ...body, ...benchModes[mode], when_stuck: "fail" },
    })
    .catch((error) => {
      if (!(error instanceof CliError)) throw error;
      throw new CliError(error.exitCode, `${name}, ${mode}: ${error.message}`);
    });
  const state = await followUnasked(io, task.id, interrupted);
  const path = taskPath(task.id);
  if (state === null) await connect(io).json(taskWire, "POST", `${path}/cancel`);
  const { value: detail } = await connect(io).json(taskDetailWire, "GET", path);
  const { value } = await connect(io).json(receiptSchema, "GET", `${path}/receipt?format=json`);
  const end = detail.task.ended_at === null ? Date.now() : Date.parse(detail.task.ended_at);
  return {
    task: name,
    mode,
    id: task.id,
    passed: state === "completed" && value.verified,
    result: interrupted.aborted ? "stopped" : describe(state, value.verified),
    usage: sumUsage(detail.usage.map(fromWire)),
    durationMs: end - Date.parse(detail.task.created_at),
  };
}

/** The final state; null if it asked something or Ctrl-C was pressed. */
function followUnasked(io: CliIo, id: string, interrupted: AbortSignal): Promise<string | null> {
  const left = new AbortController();
  const leave = () => left.abort();
  interrupted.addEventListener("abort", leave, { once: true });
  return followTask(io, id, {
    onEvent: ({ type }) => {
      if (type === "question.asked") leave();
    },
    onConnection: () => {},
    signal: left.signal,
  }).finally(() => interrupted.removeEventListener("abort", leave));
}

const receiptSchema = z.object({ verified: z.boolean() });

function describe(state: string | null, verified: boolean): string {
  if (state === null) return "asked";
  if (state !== "completed") return state;
  return verified ? "pass" : "unverified";
}
