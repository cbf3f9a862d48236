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

/** Open the queue and hear the bells named, until `close`. */
export async function openQueue(options: {
  connection: QueueConnection;
  bells: readonly Bell[];
  onRing: (stage: StageName) => void;
  onError: (error: Error) => void;
}): Promise<WorkQueue> {
  const { connection, bells, onRing, onError } = options;
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
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  return {
    ring: async (rings) => {
      const some = thinOut(rings);
      for (const bell of ["execute", "orchestrate"] as const) {
        const jobs = some.filter(({ stage }) => bellOf(stage) === bell);
        if (jobs.length > 0)
          await queues[bell].addBulk(jobs.map((ring) => ({ name: ring.stage, data: ring })));
      }
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.close(true)));
      await Promise.all(Object.values(queues).map((queue) => queue.close()));
      await engine.close();
    },
  };
}
