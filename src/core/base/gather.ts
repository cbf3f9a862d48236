import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Turns a batch function into one for single items. Items that arrive during a call form the next
 * batch, as in a database's group commit: without load each item is a batch of its own, under load
 * batches grow instead of queueing. One call at a time.
 */
export function gather<Item, Result>(
  work: (items: Item[]) => Promise<readonly Result[]>,
  maxItems: number,
): (item: Item) => Promise<Result> {
  type Asked = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void };
  const waiting: Asked[] = [];
  let isRunning = false;
  const runAll = async () => {
    for (let asked = waiting.splice(0, maxItems); asked.length > 0; ) {
      try {
        const results = await work(asked.map(({ item }) => item));
        for (const [index, { resolve }] of asked.entries()) resolve(results[index] as Result);
      } catch (error) {
        for (const { reject } of asked) reject(error);
      }
      // Callers that just got their result may ask again at once: wait one turn so that they join.
      if (waiting.length > 0) await nextTurn();
      asked = waiting.splice(0, maxItems);
    }
    isRunning = false;
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (isRunning) return;
      isRunning = true;
      // Deferred, so that items that arrive in the same turn join the batch.
      setImmediate(() => void runAll());
    });
}
