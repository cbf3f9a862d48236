import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Turns a function of many into one for each caller: what is asked for while a call is under way
 * goes into the next one, all together. Under no load that is one call for each, at once; under load
 * calls grow instead of queueing up, as a database does with commits. One call at a time.
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
      // Those who were just answered may ask again at once: one turn, and they come along as well.
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
      // Not at once: what else arrived with this one comes along.
      setImmediate(() => void runAll());
    });
}
