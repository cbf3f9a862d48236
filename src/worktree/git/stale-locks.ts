import { rm, stat } from "node:fs/promises";
import { isInside } from "./contain-path.ts";
import type { Git } from "./git.ts";
import { GitFailure } from "./git-failure.ts";

/** Our commands hold a lock file for milliseconds. */
const staleAfterMs = 10_000;

/**
 * Wraps git on a mirror to recover from lock files and the half-written list of packed refs that
 * kill -9 left: one inside the mirror that blocks a command and was not touched for a while is
 * deleted, and the command retried.
 */
export function healStaleLocks(git: Git, gitDir: string): Git {
  const ask: Git["ask"] = async (args, options) => {
    for (let round = 0; ; round++) {
      const answer = await git.ask(args, options);
      const [, lock, draft] = blocking.exec(answer.stderr) ?? [];
      const file = lock ?? draft;
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

const blocking =
  /nable to create (?:'([^'\n]+\.lock)'|file ([^\n]+\/packed-refs\.new)): File exists/;

async function isStale(file: string): Promise<boolean> {
  return stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > staleAfterMs,
    () => true, // released meanwhile: the retry succeeds
  );
}
