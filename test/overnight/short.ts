import type { Fault } from "./fault.ts";

/**
 * What CI tries of the faults: the most telling ones of each layer. Between the work and its record most
 * can be lost or done twice, so the daemon dies there.
 */
const telling = [
  ...["kill -9 at execute:reported", "kill -9 while the model answers"],
  ...["kill -9 at deliver:reported", "kill -9 of a worker"],
  ...["an agent hangs", "an agent leaves processes behind"],
  "model: reset",
  ...["kill -9 of PostgreSQL", "Redis flushed"],
  ...["worktree deleted under its agent", "mirror deleted"],
  ...["the phone's server is down", "one request sent fifty times"],
];

export function pickTelling(faults: readonly Fault[]): Fault[] {
  return telling.map((name) => {
    const fault = faults.find((each) => each.name === name);
    if (!fault) throw new Error(`there is no fault "${name}" any more; mend the list in short.ts`);
    return fault;
  });
}
