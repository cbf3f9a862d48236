import { randomUUID } from "node:crypto";
import { findInsideGroup } from "./find-inside.ts";
import type { Helper } from "./helper-process.ts";
import { endLeftovers } from "./kill-group.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { type CommandResult, type CommandSpec, runCommand, runMark } from "./run-command.ts";

/**
 * `runCommand` in a helper process (helper-process.ts): the same call and the same result, for
 * commands that nobody talks with while they run. What they write and that they started is told on
 * the way. When the helper itself is lost, what it ran is killed, and its end says so.
 */
type Told = "signal" | "onStarted" | "onOutput";
type Here = Told | "onInput" | "survivors" | "user" | "contained";
export type CommandRequest = Omit<CommandSpec, Here> & {
  isContained: boolean;
  tellsOutput: boolean;
};
export type CommandNote =
  | { started: ProcessIdentity }
  | { chunk: string; stream: "stdout" | "stderr" };
export type CommandHelper = Helper<CommandRequest, CommandResult, CommandNote>;

/** Whether a helper can run it. */
export function canRunBeside({ contained, onInput, survivors, user }: CommandSpec): boolean {
  const isKnown = contained === undefined || contained.findGroup === findInsideGroup;
  return isKnown && !onInput && !survivors && !user;
}

export async function runCommandBeside(
  helper: CommandHelper,
  spec: CommandSpec,
): Promise<CommandResult> {
  const { contained, env, onOutput, onStarted, signal, ...rest } = spec;
  const mark = env[runMark] ?? randomUUID();
  const startedAt = performance.now();
  let leader: ProcessIdentity | null = null;
  const request: CommandRequest = {
    ...rest,
    env: { ...env, [runMark]: mark },
    isContained: contained !== undefined,
    tellsOutput: onOutput !== undefined,
  };
  try {
    return await helper.ask(request, signal, (note) => {
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

/** What the helper does with a request. */
export function answerCommand(
  { isContained, tellsOutput, ...spec }: CommandRequest,
  signal: AbortSignal,
  tell: (note: CommandNote) => void,
): Promise<CommandResult> {
  return runCommand({
    ...spec,
    signal,
    onStarted: (started) => tell({ started }),
    ...(tellsOutput && { onOutput: (chunk, stream) => tell({ chunk, stream }) }),
    ...(isContained && { contained: { findGroup: findInsideGroup } }),
  });
}
