import { setTimeout as sleep } from "node:timers/promises";
import { DeputyError } from "../core/base/error.ts";
import type { StageName } from "../core/task/outcome.ts";
import { openEngine, type QueueConnection } from "./engine.ts";

/**
 * The queue of executions, by which a daemon and its workers share them. It only notifies: a job carries
 * a stage and ids, lives for milliseconds, and may be lost, duplicated or late without harm, because the
 * process that receives it claims what the database says is ready. The other stages run in the daemon
 * alone, which needs no queue to wake them.
 */
export type StageJob = { stage: StageName; taskId: string; subtaskId: string | null };

export type WorkQueue = {
  /** Add the jobs in bulk. A process claims all that is ready, so a few jobs are enough for many rows. */
  add(jobs: readonly StageJob[]): Promise<void>;
  close(): Promise<void>;
};

type QueueOptions = {
  connection: QueueConnection;
  /** Called for each job that this process receives; null: it receives none. */
  onJob: (() => void) | null;
  onError: (error: Error) => void;
};

/** Each of them may reach another worker. */
const maxJobs = 16;

/** The longest that callers wait for a queue that does not answer. */
const openTimeoutMs = 10_000;
const addTimeoutMs = 10_000;
const closeTimeoutMs = 2_000;
const healPauseMs = 2_000;

/**
 * Open the queue, and receive jobs with `onJob` until `close`. Tables that are dropped meanwhile are
 * created again: the jobs in them were only hints, and the reconciler wakes the stage anyway.
 */
export async function openQueue(options: QueueOptions): Promise<WorkQueue> {
  let closed = false;
  let healing = false;
  const heal = async () => {
    if (closed || healing) return;
    healing = true;
    await parts.close();
    while (!closed && healing) {
      try {
        const fresh = await openParts(options, onError);
        if (closed) await fresh.close();
        parts = fresh;
        healing = false;
      } catch (error) {
        options.onError(error as Error);
        await sleep(healPauseMs, undefined, { ref: false });
      }
    }
  };
  const onError = (error: Error) => {
    if (closed || healing) return; // errors of a queue that is being closed
    options.onError(error);
    if (isTableGone(error)) void heal();
  };
  let parts = await openParts(options, onError);
  return {
    add: async (jobs) => {
      if (healing) throw new Error("the queue is being recreated");
      try {
        await Promise.race([parts.add(jobs), failAfter(addTimeoutMs)]);
      } catch (error) {
        if (isTableGone(error as Error)) void heal();
        throw error;
      }
    },
    close: async () => {
      closed = true;
      await parts.close();
    },
  };
}

async function failAfter(timeoutMs: number): Promise<never> {
  await sleep(timeoutMs, undefined, { ref: false });
  throw new Error(`the queue did not answer within ${timeoutMs / 1000} s`);
}

/** PostgreSQL's codes for a missing table, schema or function. */
function isTableGone(error: Error & { code?: string }): boolean {
  return ["42P01", "3F000", "42883"].includes(error.code ?? "");
}

async function openParts(
  { connection, onJob }: QueueOptions,
  onError: (error: Error) => void,
): Promise<WorkQueue> {
  const engine = await openEngine(connection, onError);
  const queue = engine.makeQueue(name, {
    // One retry authority: recovery. The reconciler makes up for a lost or failed job.
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: { count: 100 } },
    // Nobody reads the events of jobs.
    streams: { events: { maxLen: 1 } },
  });
  const worker = onJob && engine.makeWorker(name, onJob, { concurrency: 4, drainDelay: 60 });
  const parts = worker ? [worker, queue] : [queue];
  for (const part of parts) part.on("error", onError);
  const close = async () => {
    // A clean close talks to a server that may be gone; nothing depends on it.
    const politely = async () => {
      await worker?.close(true).catch(() => {});
      await queue.close().catch(() => {});
    };
    await Promise.race([politely(), sleep(closeTimeoutMs, undefined, { ref: false })]);
    await engine.close();
  };
  const ready = Promise.all(parts.map((part) => part.waitUntilReady()));
  const inTime = await Promise.race([
    ready.then(() => true),
    sleep(openTimeoutMs, false, { ref: false }),
  ]);
  if (!inTime) {
    ready.catch(() => {}); // given up on
    await close();
    throw new DeputyError(
      "unavailable",
      `The queue does not answer: ${connection.kind === "redis" ? "check that Redis runs at REDIS_URL" : "check the database"}.`,
    );
  }
  return {
    add: async (jobs) => {
      if (jobs.length === 0) return;
      const some = jobs.slice(0, maxJobs);
      await queue.addBulk(some.map((job) => ({ name: job.stage, data: job })));
    },
    close,
  };
}

const name = "deputy-execute";
