import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeHelper } from "./sandbox/helper-process.ts";
import { runCommand } from "./sandbox/run-command.ts";
import {
  type CommandHelper,
  canRunBeside,
  runCommandBeside,
} from "./sandbox/run-command-beside.ts";
import { setCommandRunner } from "./sandbox/run-confined.ts";
import { makeStarters } from "./sandbox/starters.ts";
import { setGitRunner } from "./worktree/git.ts";
import { makeStartedGit, sharedGitEnvironment } from "./worktree/run-git-started.ts";

/**
 * A daemon has others start its programs: to start one stops whoever does it for as long as copying
 * its page tables takes, which is long in a daemon and short in a small process. Git is started by
 * small shells. What agents and checks run needs more than those can do; once several run at a time
 * a helper process starts them, and before that the daemon itself, which saves the memory.
 */
const busyFrom = 3;
const idleMs = 30_000;
/** Git commands: soon under way when much is about to be started, and ever. */
const gitAtOnce = { soon: 4, ever: 16 };
/** Git mostly tidies up: the daemon goes before it. What agents and checks run is the work itself. */
const niceness = { git: 10, commands: 0 };

/** `expectMany`: much is about to be started, so that the helpers may be there by then. */
export type Beside = { expectMany(): void };

/** From now on, in this process. */
export function runProgramsBeside(): Beside {
  const gitEnvironment = sharedGitEnvironment();
  const starters = makeStarters({
    env: gitEnvironment,
    niceness: niceness.git,
    atMost: gitAtOnce.ever,
    idleMs,
  });
  setGitRunner(makeStartedGit(starters, gitEnvironment));
  const commands = helperOf("command");
  if (!commands) return { expectMany: () => starters.prepare(gitAtOnce.soon) }; // run from source
  const commandHelper: CommandHelper = makeHelper(commands, {
    idleMs,
    niceness: niceness.commands,
  });
  setCommandRunner(
    whenBusy(
      commandHelper,
      (spec) => (canRunBeside(spec) ? runCommandBeside(commandHelper, spec) : runCommand(spec)),
      runCommand,
    ),
  );
  return {
    expectMany: () => {
      starters.prepare(gitAtOnce.soon);
      commandHelper.start();
    },
  };
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
