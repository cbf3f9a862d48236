import type { Config } from "../../config/config.ts";
import { DeputyError } from "../../core/base/error.ts";
import { operatorRows } from "../../notifier/operator-rows.ts";
import { openBreaker, sweepBreakers } from "../../orchestrator/intake/open-breaker.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import {
  admitDelivery,
  closeBreakers,
  listBreakers,
  wantTask,
} from "../../store/triggers/guards.ts";
import { lookAtSubject } from "../../store/triggers/written-comments.ts";
import { type Admit, admit, type GuardRows } from "../../triggers/guards/admit.ts";
import {
  describeBreaker,
  describeStopped,
  requireQuiet,
} from "../../triggers/guards/require-quiet.ts";

/** Connects the guards of rules: their rows are the store's, cancelling is the orchestrator's. */
export function makeGuards(
  db: Db,
  advance: AdvanceDeps,
  { maxComments, notifier }: Pick<Config, "maxComments" | "notifier">,
  log: (level: "info" | "warn", fields: object, message: string) => void,
): {
  admit: Admit;
  requireQuiet(subject: string): Promise<void>;
  sweep(): Promise<void>;
  reset(rule: string): Promise<{ detail: string }>;
} {
  const rows: GuardRows = {
    mostComments: maxComments,
    lookAtSubject: (about) => lookAtSubject(db, about),
    want: (candidate) => wantTask(db, candidate),
    admit: (deliveryId) => admitDelivery(db, deliveryId),
    open: async (about) => {
      const { reason, rule, repository } = about;
      await openBreaker(db, about, (breaker) =>
        operatorRows(notifier, {
          type: "trigger.breaker_opened",
          title: `${capitalize(describeStopped(rule))} is stopped`,
          message: `${capitalize(reason)}. What it had queued is cancelled; ${describeBreaker(breaker)}`,
        }),
      );
      log("warn", { rule, repository }, `Breaker of ${rule} opened: ${reason}`);
      await sweepBreakers(db, advance);
      const open = await listBreakers(db, "open");
      return (
        open.find((one) => one.rule === rule && one.repository === repository)?.openedAt ??
        new Date() // a person has closed it already
      );
    },
  };
  // One by one: two that read at once how much room a cap has would both take the last of it.
  let last: Promise<void> = Promise.resolve();
  return {
    admit: (candidate) => {
      const mine = last.then(() => admit(rows, candidate));
      last = mine.catch(() => {}); // its caller hears of it
      return mine;
    },
    requireQuiet: (subject) => requireQuiet(rows, subject, maxComments),
    sweep: () => sweepBreakers(db, advance),
    reset: async (rule) => {
      const closed = await closeBreakers(db, rule);
      if (closed > 0)
        return { detail: `The breaker of ${rule} is closed: its events start tasks.` };
      const open = (await listBreakers(db, "open")).map((one) => one.rule);
      const others = open.length === 0 ? "none is open" : `open is that of ${open.join(", ")}`;
      throw new DeputyError("conflict", `No breaker of ${rule} is open; ${others}.`, {
        field: "name",
      });
    },
  };
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
