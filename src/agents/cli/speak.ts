import type { Writable } from "node:stream";
import type { AgentRun } from "../agent.ts";

/**
 * The stdin of a program that reads it while it works: its message first, then what a person says
 * meanwhile, until its turn is over. The program says of each line when it took it in; what it did
 * not is given back and told at the next turn, also when the process or the daemon died in between.
 */
export type Mouth = {
  /** The first line. */
  input: string;
  onInput: (stdin: Writable) => void;
  /** It took in the oldest line that it had not. */
  taken(): void;
  /** Its turn is over; what is still in the pipe it may answer in another one. */
  close(): void;
  /** The process has ended. */
  settle(): Promise<void>;
};

export function openMouth(
  run: Pick<AgentRun, "takeMessages" | "returnMessages" | "session">,
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
    for (const text of said) {
      waiting.push(text);
      stdin.write(`${speak(text)}\n`);
    }
  };
  const timer = setInterval(() => {
    // A database that is away now is asked again; two looks at once could swap what was said.
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
      // The first is the brief, which is told already.
      const told = taken.slice(1).map((text) => ({ told: text }));
      if (told.length > 0) await run.session.append(told);
    },
  };
}
