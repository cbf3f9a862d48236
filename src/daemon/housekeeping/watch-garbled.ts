import type { Garbled } from "../../core/task/task-detail.ts";
import { findGarbledRows, findStillGarbled } from "../../store/database/find-garbled.ts";
import { describeGarbled } from "../../store/database/garbled.ts";
import type { Db } from "../../store/database/schema.ts";
import type { Log } from "../home/log.ts";

/** Tracks unreadable rows: each is one line of the log, and counted until it is corrected. */
export type GarbledWatch = {
  note(garbled: Garbled): void;
  count(): number;
  /** Checks the rows of unfinished tasks, and those that were garbled before. */
  look(): Promise<void>;
};

export function watchGarbled(db: Db, log: Log): GarbledWatch {
  const known = new Map<string, Garbled>();
  const keyOf = ({ column, id, table }: Garbled) => `${table} ${id} ${column}`;
  const note = (garbled: Garbled) => {
    if (known.has(keyOf(garbled))) return;
    known.set(keyOf(garbled), garbled);
    const { column, id, table } = garbled;
    log.error({ table, id, column }, describeGarbled(garbled));
  };
  return {
    note,
    count: () => known.size,
    look: async () => {
      for (const garbled of await findGarbledRows(db, "open")) note(garbled);
      const still = new Set((await findStillGarbled(db, [...known.values()])).map(keyOf));
      for (const [key, { column, id, table }] of known) {
        if (still.has(key)) continue;
        known.delete(key);
        log.warn({ table, id, column }, "a row that could not be read can be read again");
      }
    },
  };
}
