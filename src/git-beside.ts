import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeHelper } from "./sandbox/helper-process.ts";
import { setGitRunner } from "./worktree/git.ts";
import { type GitAnswer, type GitRequest, runGit } from "./worktree/run-git.ts";

/**
 * A busy daemon has its git commands run by a helper process: starting twenty of them for each task
 * would stop it half of the time. One that is idle, or does one thing at a time, starts its few
 * commands itself and saves the memory.
 */
const busyFrom = 3;
const idleMs = 30_000;
/** Git mostly tidies up: the daemon and the agents go before it. */
const niceness = 5;

/** From now on, in this process. */
export function runGitBeside(): void {
  const program = fileURLToPath(new URL("./git-helper.js", import.meta.url));
  if (!existsSync(program)) return; // run from source
  const helper = makeHelper<GitRequest, GitAnswer>(program, { idleMs, niceness });
  let running = 0;
  setGitRunner(async (request, signal) => {
    running++;
    try {
      if (running >= busyFrom) helper.start();
      return await (helper.isReady() ? helper.ask(request, signal) : runGit(request, signal));
    } finally {
      running--;
    }
  });
}
