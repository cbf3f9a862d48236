import { type ChildProcess, fork } from "node:child_process";
import { existsSync } from "node:fs";
import { setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { scrubbedEnvironment } from "../../core/base/child-environment.ts";

/**
 * A small child process that starts programs for the daemon. A fork copies the page tables of the
 * process that forks and blocks it meanwhile: several milliseconds in a daemon of 150 MB, less than
 * one in the spawner. Requests and answers travel over Node's IPC channel. The spawner exits with
 * the daemon, however the daemon ends. It is restarted when it dies; while it is not running,
 * `answer` runs in this process.
 */
export type Spawner<Request, Answer, Note> = {
  /**
   * Run a request. `onNote` receives what it reports before it answers. Rejects with a plain Error
   * that has the message of the error thrown there, and when the spawner dies meanwhile.
   */
  ask(request: Request, signal?: AbortSignal, onNote?: (note: Note) => void): Promise<Answer>;
  /** Resolves once requests run in the spawner. */
  ready(): Promise<void>;
  stop(): void;
};

/** Runs one request, in the spawner or in the calling process. */
export type AnswerRequest<Request, Answer, Note> = (
  request: Request,
  signal: AbortSignal,
  tell: (note: Note) => void,
) => Promise<Answer>;

type ToSpawner<Request> = { id: number; request: Request } | { id: number; abort: true };
type FromSpawner<Answer, Note> =
  | { ready: true }
  | { id: number; note: Note }
  | { id: number; answer: Answer }
  | { id: number; error: string };

/** A spawner that dies before it was ready is started again after this pause. */
const restartMs = 60_000;
const firstMs = 1_000;
const niceness = 5;

function lowerPriority({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // It has ended already, or the system does not allow it: it works all the same.
  }
}

/** `module` is a file that calls `serveSpawner`; without that file requests always run here. */
export function startSpawner<Request, Answer, Note = never>(
  module: string,
  answer: AnswerRequest<Request, Answer, Note>,
): Spawner<Request, Answer, Note> {
  type Pending = {
    resolve: (answer: Answer) => void;
    reject: (error: Error) => void;
    onNote: ((note: Note) => void) | undefined;
  };
  const pending = new Map<number, Pending>();
  let child: ChildProcess | null = null;
  let isReady = false;
  let isStopped = false;
  let lastId = 0;
  let restart: NodeJS.Timeout | undefined;

  const lose = (lost: ChildProcess, why: string) => {
    if (child !== lost) return;
    const pauseMs = isReady ? 0 : restartMs;
    child = null;
    isReady = false;
    for (const { reject } of pending.values()) reject(new Error(why));
    pending.clear();
    if (!isStopped) restart = setTimeout(start, pauseMs).unref();
  };
  const start = () => {
    const started = fork(module, {
      serialization: "advanced",
      env: scrubbedEnvironment(),
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    child = started;
    lowerPriority(started);
    started.unref();
    started.channel?.unref();
    started.on("error", (error) => lose(started, error.message));
    started.on("exit", (code, signal) => lose(started, `the spawner ended (${signal ?? code})`));
    started.on("message", (message: FromSpawner<Answer, Note>) => {
      if ("ready" in message) {
        isReady = child === started;
        return;
      }
      const request = pending.get(message.id);
      if ("note" in message) return request?.onNote?.(message.note);
      pending.delete(message.id);
      if ("error" in message) request?.reject(new Error(message.error));
      else request?.resolve(message.answer);
    });
  };
  // The first moment belongs to the start of the daemon itself.
  if (existsSync(module)) restart = setTimeout(start, firstMs).unref();

  const askThere = async (
    request: Request,
    signal?: AbortSignal,
    onNote?: (note: Note) => void,
  ): Promise<Answer> => {
    const id = ++lastId;
    const send = (message: ToSpawner<Request>) => child?.send(message, () => {}); // `lose` reports a failure
    const abort = () => send({ id, abort: true });
    const answered = new Promise<Answer>((resolve, reject) =>
      pending.set(id, { resolve, reject, onNote }),
    );
    signal?.addEventListener("abort", abort, { once: true });
    child?.channel?.ref(); // keeps this process alive until the answer
    try {
      send({ id, request });
      return await answered;
    } finally {
      signal?.removeEventListener("abort", abort);
      if (pending.size === 0) child?.channel?.unref();
    }
  };
  return {
    ask: async (request, signal, onNote) => {
      signal?.throwIfAborted();
      if (isReady) return askThere(request, signal, onNote);
      return answer(request, signal ?? new AbortController().signal, onNote ?? (() => {}));
    },
    ready: async () => {
      if (child === null && existsSync(module)) {
        clearTimeout(restart);
        start();
      }
      while (!isReady && child !== null) await sleep(5);
    },
    stop: () => {
      isStopped = true;
      clearTimeout(restart);
      if (!child) return;
      const leaving = child;
      lose(leaving, "the spawner was stopped");
      if (leaving.connected) leaving.disconnect();
    },
  };
}

/** Answers every request until the process that started this one is gone. */
export function serveSpawner<Request, Answer, Note = never>(
  answer: AnswerRequest<Request, Answer, Note>,
): void {
  const running = new Map<number, AbortController>();
  // A failed send means that the daemon is gone: nothing waits for the answer.
  const reply = (message: FromSpawner<Answer, Note>) => process.send?.(message, () => {});
  process.on("message", async (message: ToSpawner<Request>) => {
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
  // A Ctrl-C in the terminal is for the daemon, which still needs its spawner to stop in order.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  reply({ ready: true });
}
