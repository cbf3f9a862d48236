import type { Db } from "../../store/database/schema.ts";
import { isAboutKnown } from "../../store/triggers/inbox.ts";
import { readCursor, writeCursor } from "../../store/triggers/reconcile-cursors.ts";
import { type ReconcileDeps, reconcile } from "../../triggers/reconcile/reconcile.ts";
import type { Log } from "../home/log.ts";
import { startPeriodic } from "../periodic.ts";

/** Looks for missed deliveries a while after the start, and then now and then. */
export function startReconciling({
  db,
  log,
  ...deps
}: Pick<ReconcileDeps, "forge" | "keep" | "look" | "rules"> & { db: Db; log: Log }) {
  const periodic = startPeriodic({
    what: "looking for missed deliveries",
    // Daemons that were started together ask at different times.
    everyMs: Math.round(9 * 60_000 + 2 * 60_000 * Math.random()),
    work: async (stopping) => {
      await reconcile(
        {
          ...deps,
          readCursor: (name) => readCursor(db, name),
          writeCursor: (name, cursor) => writeCursor(db, name, cursor),
          isKnown: (about, from) => isAboutKnown(db, about, from),
          log: (level, fields, message) => log[level](fields, message),
        },
        stopping,
      );
    },
    log,
  });
  const first = setTimeout(periodic.run, afterStartMs);
  return {
    stop: async () => {
      clearTimeout(first);
      await periodic.stop();
    },
  };
}

const afterStartMs = 60_000;
