import { acceptanceCheck, type CheckRun } from "../../core/proof/verdict.ts";
import { cleanText, cutToTail } from "../../core/text/clean-text.ts";
import { resetWorktree } from "../../worktree/checkout/worktree.ts";
import { checkLogPath, type Setup, withCleanWorktree } from "../place/clean-worktree.ts";
import { type SetupInput, setUp } from "../place/set-up.ts";
import { type CheckPlace, runCheck } from "./run-checks.ts";

/**
 * Runs single commands as checks and evidence are run: in the box of checks, in a clean worktree with
 * setup run in it, which is put back before each. The worktree is made for the first command and
 * serves them all, one after the other.
 */
export type TryPlace = SetupInput & { commit: string };

/** Runs a command, or says why setup does not work. Throws the signal's reason when aborted. */
export type TryCommand = (command: string, signal: AbortSignal) => Promise<CheckRun | Setup>;

const tryTimeoutMs = 120_000;
const maxOutput = 3_000;

/** The worktree is gone when this resolves, however `use` ended. */
export async function withTries<T>(
  place: TryPlace,
  use: (run: TryCommand) => Promise<T>,
): Promise<T> {
  let opened: Promise<Opened> | null = null;
  let close = () => {};
  let closed: Promise<void> = Promise.resolve();
  const open = (signal: AbortSignal): Promise<Opened> =>
    new Promise((ready, failed) => {
      const over = new Promise<void>((resolve) => {
        close = resolve;
      });
      closed = withCleanWorktree(place, place.commit, async (clean) => {
        // What an agent tries is no evidence, nor is what it is refused.
        const confined = { ...clean.confined, onDenials: () => {} };
        const at: CheckPlace = { ...place, ...clean, confined };
        const setup = await setUp(place, { ...at, signal }, null);
        ready({ at, setup });
        await over;
      }).catch(failed);
    });
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  const run: TryCommand = (command, signal) => {
    const either = AbortSignal.any([place.signal, signal]);
    const next = last.then(async () => {
      opened ??= open(either);
      const { at, setup } = await opened;
      if (setup && !setup.ok) return setup;
      await resetWorktree(place.mirror, at.worktree, place.commit);
      const check = { ...acceptanceCheck(command, "plan"), timeoutMs: tryTimeoutMs };
      const logPath = checkLogPath(place.logRoot, count++, check);
      return runCheck(check, { ...at, signal: either }, logPath);
    });
    last = next.catch(() => {}); // the caller gets the error
    return next;
  };
  try {
    return await use(run);
  } finally {
    await last;
    close();
    await closed;
  }
}

type Opened = { at: CheckPlace; setup: Setup | null };

/** What came of a command, for an agent that tries it, in bounded length. */
export function describeTried(tried: CheckRun | Setup): { ok: boolean; text: string } {
  if ("run" in tried) {
    const output = showOutput(tried.run);
    return {
      ok: false,
      text: `Error: not run, because setup does not work here (${tried.run.detail})\n${output}`,
    };
  }
  return { ok: tried.status === "green", text: `${tried.detail}\n${showOutput(tried)}` };
}

function showOutput({ failures, outputTail }: CheckRun): string {
  return cutToTail(cleanText(failures ?? outputTail), maxOutput) || "(no output)";
}
