import { randomUUID } from "node:crypto";
import { startRunningTimer } from "../../core/base/running-timer.ts";
import { findInsideGroup } from "../box/find-inside.ts";
import { endLeftovers } from "./kill-group.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { type CommandResult, type CommandSpec, runCommand, runMark } from "./run-command.ts";

/**
 * Commands as plain data, so that a spawner can run them: the same call and the same result as
 * `runCommand`. The spawner reports their start and output on the way; their time limit is counted here. When the spawner itself
 * dies, the command it ran is killed and its result says so.
 */
type Callback = "signal" | "onStarted" | "onOutput";
type Local = Callback | "onInput" | "survivors" | "user" | "contained" | "timeoutMs";
export type CommandRequest = Omit<CommandSpec, Local> & {
  isContained: boolean;
  wantsOutput: boolean;
};
export type CommandNote =
  | { started: ProcessIdentity }
  | { chunk: string; stream: "stdout" | "stderr" };

export type AskCommand = (
  request: CommandRequest,
  signal: AbortSignal | undefined,
  onNote: (note: CommandNote) => void,
) => Promise<CommandResult>;

/** `runCommand` by way of a spawner; commands that it cannot run are run in this process. */
export function makeCommandRunner(ask: AskCommand): (spec: CommandSpec) => Promise<CommandResult> {
  return (spec) => (isPlain(spec) ? runThere(ask, spec) : runCommand(spec));
}

/** Whether the command can be sent: nothing writes to it while it runs, nor may it outlive us. */
function isPlain({ contained, onInput, survivors, user }: CommandSpec): boolean {
  const isKnown = contained === undefined || contained.findGroup === findInsideGroup;
  return isKnown && !onInput && !survivors && !user;
}

async function runThere(ask: AskCommand, spec: CommandSpec): Promise<CommandResult> {
  const { contained, env, onOutput, onStarted, signal, timeoutMs, ...rest } = spec;
  const mark = env[runMark] ?? randomUUID();
  const startedAt = performance.now();
  let leader: ProcessIdentity | null = null;
  const request: CommandRequest = {
    ...rest,
    env: { ...env, [runMark]: mark },
    isContained: contained !== undefined,
    wantsOutput: onOutput !== undefined,
  };
  // Limits count time in which this process ran, so it is this process that counts.
  const limit = new AbortController();
  let cause: "abort" | "timeout" | null = null;
  const timer = startRunningTimer(timeoutMs, () => {
    cause ??= "timeout";
    limit.abort();
  });
  const onAbort = () => {
    cause ??= "abort";
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  const either = signal ? AbortSignal.any([signal, limit.signal]) : limit.signal;
  try {
    const result = await ask(request, either, (note) => {
      if ("chunk" in note) return onOutput?.(note.chunk, note.stream);
      leader = note.started;
      onStarted?.(leader);
    });
    return result.endedBy === "abort" && cause === "timeout"
      ? { ...result, endedBy: "timeout" }
      : result;
  } catch (error) {
    const wasAborted = signal?.aborted === true && leader === null;
    await endLeftovers(leader, { name: runMark, value: mark });
    return {
      ...{ endedBy: wasAborted ? "abort" : "exit", exitCode: null, output: "", stdout: "" },
      signal: wasAborted ? null : "SIGKILL",
      truncatedBytes: 0,
      durationMs: Math.round(performance.now() - startedAt),
      error: wasAborted ? null : `the process that ran it was lost (${(error as Error).message})`,
    };
  } finally {
    timer.stop();
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Runs a request in the spawner. */
export function answerCommand(
  { isContained, wantsOutput, ...spec }: CommandRequest,
  signal: AbortSignal,
  tell: (note: CommandNote) => void,
): Promise<CommandResult> {
  return runCommand({
    ...spec,
    timeoutMs: Number.POSITIVE_INFINITY, // the process that asks ends it
    signal,
    onStarted: (started) => tell({ started }),
    ...(wantsOutput && { onOutput: (chunk, stream) => tell({ chunk, stream }) }),
    ...(isContained && { contained: { findGroup: findInsideGroup } }),
  });
}
