import type { Writable } from "node:stream";
import type { AgentRun } from "../agent.ts";

/**
 * The stdin of a program that reads it while it works: first its message, then a person's messages
 * until its turn is over. The program acknowledges each line; unacknowledged ones are put back and
 * delivered at the next turn, even if the process or the daemon died in between.
 */
export type Mouth = {
  /** The first line. */
  input: string;
  onInput: (stdin: Writable) => void;
  /** It accepted the oldest pending line. */
  taken(): void;
  /** Its turn is over; it may still answer lines left in the pipe in another turn. */
  close(): void;
  /** The process has ended. */
  settle(): Promise<void>;
};

export function openMouth(
  run: Pick<AgentRun, "takeMessages" | "returnMessages" | "takeNudge" | "session">,
  speak: (text: string) => string,
  message: string,
  everyMs = 2_000,
): Mouth {
  const waiting = [message];
  const taken: string[] = [];
  let stdin: Writable | null = null;
  let looking: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const said = await run.takeMessages();
    if (!stdin) return run.returnMessages(said);
    for (const text of [...said, ...run.takeNudge()]) {
      waiting.push(text);
      stdin.write(`${speak(text)}\n`);
    }
  };
  const timer = setInterval(() => {
    // A failed database call is repeated. One look at a time, because two could swap messages.
    looking = looking.then(look).catch(() => {});
  }, everyMs);
  const close = () => {
    clearInterval(timer);
    stdin?.end();
    stdin = null;
  };
  return {
    input: `${speak(message)}\n`,
    onInput: (given) => {
      stdin = given;
    },
    taken: () => {
      const text = waiting.shift();
      if (text !== undefined) taken.push(text);
    },
    close,
    settle: async () => {
      close();
      await looking;
      run.returnMessages(waiting);
      // The first is the brief, which the session has already.
      const told = taken.slice(1).map((text) => ({ told: text }));
      if (told.length > 0) await run.session.append(told);
    },
  };
}
