import type { Attention } from "../../core/attention/attention.ts";
import type { DaemonService } from "../../http/service.ts";
import type { Db } from "../../store/database/schema.ts";
import { readChanges } from "../../store/records/changes.ts";
import { findFreeze } from "../../store/records/freezes.ts";
import { countStates } from "../../store/tasks/tasks.ts";
import type { Bus } from "../bus.ts";

/** What the stream of all tasks is made of. */
export function makeLive(
  db: Db,
  bus: Bus,
  attention: () => Promise<Attention>,
): Pick<DaemonService, "onNews" | "readChanges" | "countTasks"> {
  const hints = ["event", "freeze", "thaw", "reconnected"] as const;
  return {
    onNews: (listener) => {
      const stops = hints.map((kind) => bus.on(kind, listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
    readChanges: (cursor) => readChanges(db, cursor),
    countTasks: async () => {
      const [counts, { items }, freeze] = await Promise.all([
        countStates(db),
        attention(),
        findFreeze(db),
      ]);
      const asking = items.filter(({ snoozedUntil }) => snoozedUntil === undefined);
      return { counts, attention: asking.length, frozen: freeze !== null };
    },
  };
}
