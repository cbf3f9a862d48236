import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Helper, makeHelper } from "./sandbox/helper-process.ts";
import { runCommand } from "./sandbox/run-command.ts";
import {
  type CommandHelper,
  canRunBeside,
  runCommandBeside,
} from "./sandbox/run-command-beside.ts";
import { setCommandRunner } from "./sandbox/run-confined.ts";
import { makeStarters } from "./sandbox/starters.ts";
import { setGitRunner } from "./worktree/git.ts";
import type { GitAnswer, GitRequest } from "./worktree/run-git.ts";
import { makeStartedGit, sharedGitEnvironment } from "./worktree/run-git-started.ts";

/**
 * A busy daemon has helper processes start its programs, one for git and one for the commands of
 * agents and checks: to start one stops whoever does it for as long as copying its page tables takes,
 * which is long in a daemon and short in a helper. One that is idle, or does one thing at a time,
 * saves the memory: small shells start its git then, and it starts the few commands itself.
 */
const busyFrom = 3;
const idleMs = 30_000;
/** More only while the helper is being started, and where it does not come up. */
const startersAtMost = 16;
/** Git mostly tidies up: the daemon goes before it. What agents and checks run is the work itself. */
const niceness = { git: 5, commands: 0 };

/** From now on, in this process. */
export function runProgramsBeside(): void {
  const git = helperOf("git");
  const commands = helperOf("command");
  if (!git || !commands) return; // run from source
  const gitHelper: Helper<GitRequest, GitAnswer> = makeHelper(git, {
    idleMs,
    niceness: niceness.git,
  });
  const commandHelper: CommandHelper = makeHelper(commands, {
    idleMs,
    niceness: niceness.commands,
  });
  const gitEnvironment = sharedGitEnvironment();
  const starters = makeStarters({
    env: gitEnvironment,
    atMost: startersAtMost,
    idleMs,
  });
  setGitRunner(
    whenBusy(
      gitHelper,
      (request: GitRequest, signal?: AbortSignal) => gitHelper.ask(request, signal),
      makeStartedGit(starters, gitEnvironment),
    ),
  );
  setCommandRunner(
    whenBusy(
      commandHelper,
      (spec) => (canRunBeside(spec) ? runCommandBeside(commandHelper, spec) : runCommand(spec)),
      runCommand,
    ),
  );
}

function helperOf(name: string): string | null {
  const program = fileURLToPath(new URL(`./${name}-helper.js`, import.meta.url));
  return existsSync(program) ? program : null;
}

/** There once so many run at the same time, and as long as there is a helper; else here. */
function whenBusy<Asked extends unknown[], Answer>(
  helper: { start(): void; isReady(): boolean },
  there: (...asked: Asked) => Promise<Answer>,
  here: (...asked: Asked) => Promise<Answer>,
): (...asked: Asked) => Promise<Answer> {
  let running = 0;
  return async (...asked) => {
    running++;
    try {
      if (running >= busyFrom) helper.start();
      return await (helper.isReady() ? there(...asked) : here(...asked));
    } finally {
      running--;
    }
  };
}
