import { DeputyError } from "../core/base/error.ts";
import { isCapped } from "./guards/admit.ts";
import type { OpenDelivery } from "./inbox.ts";

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
