import { setTimeout as sleep } from "node:timers/promises";
import { DeputyError } from "../core/base/error.ts";
import { type StageName, stageNames } from "../core/task/outcome.ts";
import { type EngineWorker, openEngine, type QueueConnection } from "./engine.ts";

/**
 * The queue only notifies. A job carries a stage and ids, lives for milliseconds, and may be lost,
 * duplicated or late without harm: the process that receives it claims what the database says is
 * ready. Executions have their own queue, because workers listen to that one only.
 */
export type StageJob = { stage: StageName; taskId: string; subtaskId: string | null };

export type QueueName = "execute" | "orchestrate";

export type WorkQueue = {
  /** Add the jobs in bulk. */
  add(jobs: readonly StageJob[]): Promise<void>;
  close(): Promise<void>;
};

const queueOf = (stage: StageName): QueueName => (stage === "execute" ? "execute" : "orchestrate");

/**
 * A process that receives a job claims everything that is ready, so a few jobs per stage are
 * enough: one where only the daemon listens, more where each may reach another worker.
 */
const maxJobs: Record<QueueName, number> = { orchestrate: 1, execute: 16 };

function dropRepeats(jobs: readonly StageJob[]): StageJob[] {
  const count = new Map<StageName, number>();
  return jobs.filter(({ stage }) => {
    const before = count.get(stage) ?? 0;
    count.set(stage, before + 1);
    return before < maxJobs[queueOf(stage)];
  });
}

type QueueOptions = {
  connection: QueueConnection;
  listenTo: readonly QueueName[];
  onWake: (stage: StageName) => void;
  onError: (error: Error) => void;
};

/** The longest that callers wait for a queue that does not answer. */
const openTimeoutMs = 10_000;
const addTimeoutMs = 10_000;
const closeTimeoutMs = 2_000;
const healPauseMs = 2_000;

/**
 * Open the queues and listen to the ones in `listenTo` until `close`. Tables that are dropped
 * meanwhile are created again: the jobs in them were only hints, and the reconciler sends them
 * again.
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
  { connection, listenTo, onWake }: QueueOptions,
  onError: (error: Error) => void,
): Promise<WorkQueue> {
  const engine = await openEngine(connection, onError);
  const open = (name: QueueName) => {
    // One retry authority: recovery. The reconciler sends a lost or failed job again.
    const defaultJobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 100 } };
    // Nobody reads the events of jobs.
    const streams = { events: { maxLen: 1 } };
    const queue = engine.makeQueue(`deputy-${name}`, { defaultJobOptions, streams });
    queue.on("error", onError);
    return queue;
  };
  const queues = { execute: open("execute"), orchestrate: open("orchestrate") };
  const listen = (name: QueueName): EngineWorker => {
    const onJob = (name: string) => {
      const stage = stageNames.find((known) => known === name);
      if (stage) onWake(stage);
    };
    const worker = engine.makeWorker(`deputy-${name}`, onJob, { concurrency: 4, drainDelay: 60 });
    worker.on("error", onError);
    return worker;
  };
  const workers = listenTo.map(listen);
  const close = async () => {
    // A clean close talks to a server that may be gone; nothing depends on it.
    const politely = async () => {
      await Promise.allSettled(workers.map((worker) => worker.close(true)));
      await Promise.allSettled(Object.values(queues).map((queue) => queue.close()));
    };
    await Promise.race([politely(), sleep(closeTimeoutMs, undefined, { ref: false })]);
    await engine.close();
  };
  const ready = Promise.all(
    [...workers, ...Object.values(queues)].map((part) => part.waitUntilReady()),
  );
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
      const some = dropRepeats(jobs);
      for (const name of ["execute", "orchestrate"] as const) {
        const jobs = some.filter(({ stage }) => queueOf(stage) === name);
        if (jobs.length > 0)
          await queues[name].addBulk(jobs.map((job) => ({ name: job.stage, data: job })));
      }
    },
    close,
  };
}
