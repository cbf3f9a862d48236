import { fileURLToPath } from "node:url";
import type { CommandResult, CommandSpec } from "../../sandbox/process/run-command.ts";
import {
  answerCommand,
  type CommandNote,
  type CommandRequest,
  makeCommandRunner,
} from "../../sandbox/process/spawned-commands.ts";
import { startSpawner } from "../../sandbox/process/spawner.ts";
import {
  type GitAnswer,
  type GitRequest,
  type GitRunner,
  runGit,
} from "../../worktree/git/run-git.ts";

/** Starts git and the commands of agents and checks through one spawner, until `stop`. */
export type Programs = {
  runGit: GitRunner;
  runCommand: (spec: CommandSpec) => Promise<CommandResult>;
  stop(): void;
};

export type ProgramRequest = { git: GitRequest } | { command: CommandRequest };
export type ProgramAnswer = GitAnswer | CommandResult;

export function startPrograms(): Programs {
  const module = fileURLToPath(new URL("./spawner-process.js", import.meta.url));
  const spawner = startSpawner<ProgramRequest, ProgramAnswer, CommandNote>(module, answerProgram);
  return {
    runGit: async (git, signal) => (await spawner.ask({ git }, signal)) as GitAnswer,
    runCommand: makeCommandRunner(
      async (command, signal, onNote) =>
        (await spawner.ask({ command }, signal, onNote)) as CommandResult,
    ),
    stop: spawner.stop,
  };
}

/** Handles a request in the spawner, or in this process while the spawner is not running. */
export function answerProgram(
  request: ProgramRequest,
  signal: AbortSignal,
  tell: (note: CommandNote) => void,
): Promise<ProgramAnswer> {
  return "git" in request
    ? runGit(request.git, signal)
    : answerCommand(request.command, signal, tell);
}
