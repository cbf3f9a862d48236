import { randomUUID } from "node:crypto";
import { findInsideGroup } from "../box/find-inside.ts";
import { endLeftovers } from "./kill-group.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { type CommandResult, type CommandSpec, runCommand, runMark } from "./run-command.ts";

/**
 * Commands as plain data, so that a spawner can run them: the same call and the same result as
 * `runCommand`. The spawner reports their start and output on the way. When the spawner itself
 * dies, the command it ran is killed and its result says so.
 */
type Callback = "signal" | "onStarted" | "onOutput";
type Local = Callback | "onInput" | "survivors" | "user" | "contained";
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
  const { contained, env, onOutput, onStarted, signal, ...rest } = spec;
  const mark = env[runMark] ?? randomUUID();
  const startedAt = performance.now();
  let leader: ProcessIdentity | null = null;
  const request: CommandRequest = {
    ...rest,
    env: { ...env, [runMark]: mark },
    isContained: contained !== undefined,
    wantsOutput: onOutput !== undefined,
  };
  try {
    return await ask(request, signal, (note) => {
      if ("chunk" in note) return onOutput?.(note.chunk, note.stream);
      leader = note.started;
      onStarted?.(leader);
    });
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
    signal,
    onStarted: (started) => tell({ started }),
    ...(wantsOutput && { onOutput: (chunk, stream) => tell({ chunk, stream }) }),
    ...(isContained && { contained: { findGroup: findInsideGroup } }),
  });
}
