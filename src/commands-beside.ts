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

/**
 * A busy daemon has the commands of agents and checks started by a helper process, as it has git
 * (git-beside.ts): each would stop it for as long as copying its page tables takes. One that runs a
 * few starts them itself and saves the memory. The helper is as urgent as the daemon: what it runs is
 * the work itself.
 */
const busyFrom = 3;
const idleMs = 30_000;

/** From now on, in this process. */
export function runCommandsBeside(): void {
  const program = fileURLToPath(new URL("./command-helper.js", import.meta.url));
  if (!existsSync(program)) return; // run from source
  const helper: CommandHelper = makeHelper(program, { idleMs, niceness: 0 });
  let running = 0;
  setCommandRunner(async (spec) => {
    running++;
    try {
      if (running >= busyFrom) helper.start();
      const isBeside = helper.isReady() && canRunBeside(spec);
      return await (isBeside ? runCommandBeside(helper, spec) : runCommand(spec));
    } finally {
      running--;
    }
  });
}
