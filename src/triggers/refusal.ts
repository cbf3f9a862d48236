import { DeputyError } from "../core/base/error.ts";
import { isCapped } from "./guards/admit.ts";
import type { Inbox, OpenDelivery } from "./inbox.ts";

/**
 * What becomes of a delivery whose task was not accepted. A fault of the request is final. One of
 * ours, or of the moment, is not the delivery's: it stays open and is tried again, for three days. One
 * that its rule's caps hold back waits for as long as that takes.
 */
export type Refusal = {
  isFinal: boolean;
  message: string;
  /** For its row. */
  result: string;
  log: string;
};

const giveUpAfterMs = 3 * 24 * 60 * 60 * 1000;

export function judgeRefusal({ receivedAt }: OpenDelivery, error: unknown): Refusal {
  const message = error instanceof Error ? error.message : String(error);
  // A missing agent may still be installed, and whoever sent the event does not send it again.
  const mayComeTrue =
    !(error instanceof DeputyError) || error.code === "unavailable" || error.field === "agent";
  const end = (result: string, log: string) => ({ isFinal: true, message, result, log });
  if (!mayComeTrue) return end(`refused: ${message}`, `Delivery refused: ${message}`);
  if (Date.now() - receivedAt.getTime() > giveUpAfterMs && !isCapped(error))
    return end(`gave up: ${message}`, `Delivery given up after three days: ${message}`);
  const retryAt = error instanceof DeputyError ? error.retryAt : null;
  const result = retryAt
    ? `waits until ${retryAt.toISOString()}: ${message}`
    : `tried again later: ${message}`;
  return { isFinal: false, message, result, log: `Delivery is tried again later: ${message}` };
}

/** Whether a limit that its note names has not ended: asking before that only prolongs it. */
export function isHeldBack({ result }: OpenDelivery): boolean {
  const [, until] = /^waits until (\S+): /.exec(result ?? "") ?? [];
  return until !== undefined && Date.now() < Date.parse(until);
}

const failedNote = /^waits until \S+: failed (\d+) times?: /;
const longestPauseMs = 60 * 60_000;

/** Whether it failed in an unforeseen way, the last time that it was looked at. */
export function hasFailed({ result }: OpenDelivery): boolean {
  return failedNote.test(result ?? "");
}

/**
 * What becomes of a delivery that failed in an unforeseen way: it is tried again, less and less often,
 * for three days, and its row says how often that was. Returns whether it is settled. Throws where
 * not even that can be recorded: the database is away.
 */
export async function retryFailed(
  {
    inbox,
    log,
  }: {
    inbox: Pick<Inbox, "note" | "settle">;
    log: (level: "warn", fields: object, message: string) => void;
  },
  delivery: OpenDelivery,
  error: unknown,
): Promise<boolean> {
  const { deliveryId, event, receivedAt, result } = delivery;
  const tries = Number(failedNote.exec(result ?? "")?.[1] ?? 0) + 1;
  const failed = `failed ${tries} ${tries === 1 ? "time" : "times"}`;
  const message = (error instanceof Error ? error.message : String(error)).slice(0, 900);
  log("warn", { deliveryId, event, tries, err: error }, `Delivery ${failed}: ${message}`);
  const isFinal = Date.now() - receivedAt.getTime() > giveUpAfterMs;
  if (isFinal) {
    const why = `gave up: ${failed}: ${message}`;
    await inbox.settle(deliveryId, { result: why, subject: null, taskId: null });
    return true;
  }
  const pauseMs = Math.min(longestPauseMs, 15_000 * 2 ** Math.min(tries - 1, 10));
  const until = new Date(Date.now() + pauseMs).toISOString();
  await inbox.note(deliveryId, {
    result: `waits until ${until}: ${failed}: ${message}`,
    subject: null,
  });
  return false;
}
