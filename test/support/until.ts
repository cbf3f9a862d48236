import { setTimeout as sleep } from "node:timers/promises";

/** Ask again until the answer is neither null nor false: for what the system gives no signal of. */
export async function until<T>(
  ask: () => Promise<T | null | false> | T | null | false,
  what: string,
  timeoutMs = 240_000,
  everyMs = 50,
): Promise<T> {
  for (const end = Date.now() + timeoutMs; ; ) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}`);
    await sleep(everyMs);
  }
}
