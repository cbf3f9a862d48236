import { basename } from "node:path";
import type { CommandResult, CommandSpec } from "../process/run-command.ts";

/**
 * Undoes how bwrap reports the end of a command: like a shell, with 128 + n for death by signal n,
 * and with a line of its own if bwrap or prlimit cannot start something. The result is what the
 * command would have reported without them, with one exception: for a shell it is unknown whether
 * the shell or its child died by the signal, so the exit code stays.
 */
const signals: Readonly<Record<number, NodeJS.Signals>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

export function readBwrapResult(spec: CommandSpec, result: CommandResult): CommandResult {
  if (result.endedBy === "not_started" || result.exitCode === null) return result;
  const { exitCode, output } = result;
  const program = spec.argv[0];
  if (exitCode === 1 && output.startsWith("bwrap: ")) {
    return notStarted(result, `the sandbox could not be made: ${firstLine(output)}`);
  }
  if (exitCode === 126 || exitCode === 127) {
    const words = /^prlimit: failed to execute .*: (.*)$/m.exec(output)?.[1];
    if (words) return notStarted(result, `${program}: ${words}`);
  }
  if (/^(?:ba|da|z|k)?sh$/.test(basename(program)) && result.endedBy === "exit") return result;
  const signal = exitCode > 128 ? signals[exitCode - 128] : undefined;
  return signal ? { ...result, exitCode: null, signal } : result;
}

function notStarted(result: CommandResult, error: string): CommandResult {
  const silent = { output: "", stdout: "", truncatedBytes: 0 };
  return { ...result, ...silent, endedBy: "not_started", exitCode: null, signal: null, error };
}

function firstLine(output: string): string {
  return output.slice("bwrap: ".length).split("\n", 1)[0] ?? "";
}
