import type { OpenDelivery } from "../inbox.ts";
import { judgeRefusal } from "../refusal.ts";
import type { InboxDeps } from "./inbox-deps.ts";

/**
 * The ways in which a round ends with a delivery: settled for good, or left open with a note, to be
 * tried again by a later round. Those that return a boolean say whether it is settled.
 */
export type End = { result: string; subject: string | null; taskId: string | null };
type Deps = Pick<InboxDeps, "inbox" | "log">;

export async function settle(deps: Deps, deliveryId: string, end: End): Promise<true> {
  await deps.inbox.settle(deliveryId, { ...end, result: end.result.slice(0, 1000) });
  deps.log("info", { deliveryId, taskId: end.taskId }, `Delivery settled: ${end.result}`);
  return true;
}

export function ended(result: string, subject: string | null): End {
  return { result, subject, taskId: null };
}

/** Open again later, or refused for good: what an error that was met on the way makes of it. */
export async function retryLater(
  deps: Deps,
  delivery: OpenDelivery,
  subject: string,
  error: unknown,
): Promise<boolean> {
  const { deliveryId } = delivery;
  const { isFinal, log, result } = judgeRefusal(delivery, error);
  if (!isFinal && result === delivery.result) return false; // already logged
  deps.log("warn", { deliveryId, subject }, log);
  if (isFinal) return settle(deps, deliveryId, ended(result, subject));
  await deps.inbox.note(deliveryId, { result, subject });
  return false;
}
