import { setTimeout as sleep } from "node:timers/promises";
import { DeputyError } from "../core/error.ts";
import { type StageName, stageNames } from "../core/outcome.ts";
import { type EngineWorker, openEngine, type QueueConnection } from "./engine.ts";

/**
 * The queue is a doorbell. A job carries a stage and ids, lives for milliseconds and may be lost,
 * doubled or late without harm: whoever hears it claims what the database says is ready. Executions
 * have a bell of their own, because workers hear that one only.
 */
export type Ring = { stage: StageName; taskId: string; subtaskId: string | null };

export type Bell = "execute" | "orchestrate";

export type WorkQueue = {
  /** Ring for each, in bulk. */
  ring(rings: readonly Ring[]): Promise<void>;
  close(): Promise<void>;
};

const bellOf = (stage: StageName): Bell => (stage === "execute" ? "execute" : "orchestrate");

/**
 * Who hears a bell looks at everything that is ready, so of many rings of one stage a few will do:
 * one where only the daemon listens, some more where each may reach another worker.
 */
const enoughRings: Record<Bell, number> = { orchestrate: 1, execute: 16 };

function thinOut(rings: readonly Ring[]): Ring[] {
  const count = new Map<StageName, number>();
  return rings.filter(({ stage }) => {
    const before = count.get(stage) ?? 0;
    count.set(stage, before + 1);
    return before < enoughRings[bellOf(stage)];
  });
}

type QueueOptions = {
  connection: QueueConnection;
  bells: readonly Bell[];
  onRing: (stage: StageName) => void;
  onError: (error: Error) => void;
};

/** A queue that does not answer keeps nobody waiting longer than this. */
const openTimeoutMs = 10_000;
const ringTimeoutMs = 10_000;
const closeTimeoutMs = 2_000;
const healPauseMs = 2_000;

/**
 * Open the queue and hear the bells named, until `close`. Tables that are dropped under it are made
 * anew: what was in them were bells, and whoever rings them again finds a queue.
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
    if (closed || healing) return; // what is being taken down complains
    options.onError(error);
    if (isTableGone(error)) void heal();
  };
  let parts = await openParts(options, onError);
  return {
    ring: async (rings) => {
      if (healing) throw new Error("the queue is being made anew");
      try {
        await Promise.race([parts.ring(rings), failAfter(ringTimeoutMs)]);
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

/** PostgreSQL's words for a table, schema or function that is not there. */
function isTableGone(error: Error & { code?: string }): boolean {
  return ["42P01", "3F000", "42883"].includes(error.code ?? "");
}

async function openParts(
  { connection, bells, onRing }: QueueOptions,
  onError: (error: Error) => void,
): Promise<WorkQueue> {
  const engine = await openEngine(connection, onError);
  const open = (bell: Bell) => {
    // One retry authority: recovery. A lost or failed bell is rung again by the reconciler.
    const defaultJobOptions = { attempts: 1, removeOnComplete: true, removeOnFail: { count: 100 } };
    const queue = engine.makeQueue(`deputy-${bell}`, { defaultJobOptions });
    queue.on("error", onError);
    return queue;
  };
  const queues = { execute: open("execute"), orchestrate: open("orchestrate") };
  const hear = (bell: Bell): EngineWorker => {
    const onJob = (name: string) => {
      const stage = stageNames.find((known) => known === name);
      if (stage) onRing(stage);
    };
    const worker = engine.makeWorker(`deputy-${bell}`, onJob, { concurrency: 4, drainDelay: 60 });
    worker.on("error", onError);
    return worker;
  };
  const workers = bells.map(hear);
  const close = async () => {
    // Their last words would go to a server that may be gone; nothing in them is needed.
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
    ring: async (rings) => {
      const some = thinOut(rings);
      for (const bell of ["execute", "orchestrate"] as const) {
        const jobs = some.filter(({ stage }) => bellOf(stage) === bell);
        if (jobs.length > 0)
          await queues[bell].addBulk(jobs.map((ring) => ({ name: ring.stage, data: ring })));
      }
    },
    close,
  };
}
