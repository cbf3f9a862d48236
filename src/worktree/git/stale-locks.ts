import { rm, stat } from "node:fs/promises";
import { isInside } from "./contain-path.ts";
import type { Git } from "./git.ts";
import { GitFailure } from "./git-failure.ts";

/** A command of ours holds a lock file for milliseconds. */
const staleAfterMs = 10_000;

/**
 * Git on a mirror that heals what kill -9 of an earlier git left: a lock file inside of the mirror
 * that is in the way and that nobody touched for a while is deleted, and the command run again.
 */
export function healStaleLocks(git: Git, gitDir: string): Git {
  const ask: Git["ask"] = async (args, options) => {
    for (let round = 0; ; round++) {
      const answer = await git.ask(args, options);
      const file = /Unable to create '([^'\n]+\.lock)': File exists/.exec(answer.stderr)?.[1];
      if (answer.exitCode === 0 || file === undefined || round === 3) return answer;
      if (!isInside(gitDir, file) || !(await isStale(file))) return answer;
      await rm(file, { force: true });
    }
  };
  return {
    ask,
    async run(args, options) {
      const answer = await ask(args, options);
      if (answer.exitCode !== 0) throw new GitFailure(args, answer.exitCode, answer.stderr);
      return answer.stdout.toString("utf8");
    },
  };
}

async function isStale(file: string): Promise<boolean> {
  return stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > staleAfterMs,
    () => true, // released meanwhile: the next round goes through
  );
}
