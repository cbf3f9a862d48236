import { once } from "node:events";
import { inspect } from "node:util";
import { parentPort, Worker } from "node:worker_threads";
import type { Player } from "./share-batches.ts";
import { type Batch, playBatch } from "./simulate.ts";

/** What a thread answers to a seed. An error comes as text: it may hold what no message can. */
type Answer = { batch: Batch } | { error: string };

/** Starts a thread in `program`, which calls `answerSeeds` there. One that dies fails its batch. */
export function startPlayer(program: URL): Player {
  const thread = new Worker(program, { execArgv: ["--enable-source-maps"] });
  return {
    play: async (seed) => {
      const answered = once(thread, "message");
      thread.postMessage(seed);
      const [answer] = (await answered) as [Answer];
      if ("error" in answer) throw answer.error;
      return answer.batch;
    },
    end: async () => {
      await thread.terminate();
    },
  };
}

/** The other side of it. */
export function answerSeeds(): void {
  parentPort?.on("message", (seed: number) => {
    playBatch(seed).then(
      (batch) => parentPort?.postMessage({ batch } satisfies Answer),
      (error: unknown) => parentPort?.postMessage({ error: inspect(error) } satisfies Answer),
    );
  });
}
