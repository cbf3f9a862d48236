import { type ChildProcess, fork } from "node:child_process";
import { setPriority } from "node:os";
import { scrubbedEnvironment } from "../core/child-environment.ts";

/**
 * A small process of ours beside the daemon that answers requests. Starting a program copies the
 * page tables of whoever starts it and stops it until the program runs: many milliseconds in a
 * daemon of a hundred megabytes, one in a helper. Requests and answers go over a pipe of Node's own;
 * the helper ends with the daemon, however that ends, and when nobody asked for a while. When it
 * dies, what it was asked is answered with an error.
 */
export type Helper<Request, Answer, Note = never> = {
  /** Start it, if it does not run; it is of use once `isReady`. */
  start(): void;
  isReady(): boolean;
  /** `onNote` hears what it tells before it answers. Throws what the helper threw, as a plain Error. */
  ask(request: Request, signal?: AbortSignal, onNote?: (note: Note) => void): Promise<Answer>;
  stop(): void;
};

type ToHelper<Request> = { id: number; request: Request } | { id: number; abort: true };
type FromHelper<Answer, Note> =
  | { ready: true }
  | { id: number; note: Note }
  | { id: number; answer: Answer }
  | { id: number; error: string };

function giveWay({ pid }: ChildProcess, niceness: number): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // It has ended already, or the system does not let us: it works all the same.
  }
}

/** A helper that does not come up is not tried again for so long. */
const retryMs = 60_000;

/** `module` is a file that calls `serveHelper`. All that it starts is as nice as it is. */
export function makeHelper<Request, Answer, Note = never>(
  module: string,
  { idleMs, niceness }: { idleMs: number; niceness: number },
): Helper<Request, Answer, Note> {
  type Asked = {
    resolve: (answer: Answer) => void;
    reject: (error: Error) => void;
    onNote: ((note: Note) => void) | undefined;
  };
  const asked = new Map<number, Asked>();
  let child: ChildProcess | null = null;
  let ready = false;
  let lastId = 0;
  let notBefore = 0;
  let idleTimer: NodeJS.Timeout | undefined;

  const lose = (lost: ChildProcess, why: string) => {
    if (child !== lost) return;
    if (!ready) notBefore = performance.now() + retryMs;
    child = null;
    ready = false;
    clearTimeout(idleTimer);
    for (const { reject } of asked.values()) reject(new Error(why));
    asked.clear();
  };
  const stop = () => {
    const leaving = child;
    if (!leaving) return;
    lose(leaving, "the helper was stopped");
    if (leaving.connected) leaving.disconnect();
  };
  const start = () => {
    if (child || performance.now() < notBefore) return;
    const started = fork(module, {
      serialization: "advanced",
      env: scrubbedEnvironment(),
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    child = started;
    if (niceness > 0) giveWay(started, niceness);
    started.unref();
    started.channel?.unref();
    started.on("error", (error) => lose(started, error.message));
    started.on("exit", (code, signal) => lose(started, `the helper ended (${signal ?? code})`));
    started.on("message", (message: FromHelper<Answer, Note>) => {
      if ("ready" in message) {
        ready = child === started;
        return;
      }
      if ("note" in message) return asked.get(message.id)?.onNote?.(message.note);
      const waiting = asked.get(message.id);
      asked.delete(message.id);
      if ("error" in message) waiting?.reject(new Error(message.error));
      else waiting?.resolve(message.answer);
      if (asked.size === 0) idleTimer = setTimeout(stop, idleMs).unref();
    });
  };
  return {
    start,
    isReady: () => ready,
    ask: async (request, signal, onNote) => {
      signal?.throwIfAborted();
      const id = ++lastId;
      clearTimeout(idleTimer);
      const send = (message: ToHelper<Request>) => child?.send(message, () => {}); // its end says it
      const abort = () => send({ id, abort: true });
      const answer = new Promise<Answer>((resolve, reject) =>
        asked.set(id, { resolve, reject, onNote }),
      );
      signal?.addEventListener("abort", abort, { once: true });
      child?.channel?.ref(); // somebody waits
      try {
        send({ id, request });
        return await answer;
      } finally {
        signal?.removeEventListener("abort", abort);
        if (asked.size === 0) child?.channel?.unref();
      }
    },
    stop,
  };
}

/** Be a helper: answer every request, until whoever started this process is gone. */
export function serveHelper<Request, Answer, Note = never>(
  answer: (request: Request, signal: AbortSignal, tell: (note: Note) => void) => Promise<Answer>,
): void {
  const running = new Map<number, AbortController>();
  const reply = (message: FromHelper<Answer, Note>) => process.send?.(message, () => {}); // nobody waits any more
  process.on("message", async (message: ToHelper<Request>) => {
    const { id } = message;
    if ("abort" in message) return running.get(id)?.abort();
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const tell = (note: Note) => reply({ id, note });
      reply({ id, answer: await answer(message.request, controller.signal, tell) });
    } catch (error) {
      reply({ id, error: error instanceof Error ? error.message : String(error) });
    } finally {
      running.delete(id);
    }
  });
  process.on("disconnect", () => process.exit());
  // A Ctrl-C in the terminal is for the daemon, which still has work for its helper then.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  reply({ ready: true });
}
