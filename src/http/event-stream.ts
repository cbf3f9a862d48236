import type { ServerResponse } from "node:http";
import { toEventWire } from "../api/event.ts";
import { isTaskOver } from "../core/task/lifecycle.ts";
import { type Redact, redactDeep } from "../core/text/redact.ts";
import { Signal } from "./live/signal.ts";
import { write } from "./live/write.ts";
import type { Service } from "./service.ts";

/**
 * Streams a task's events to one client as Server-Sent Events. The store is authoritative: the
 * stream reads pages after the last sent seq, old events first, then new ones; the listener only
 * wakes it. When the task is over and everything was sent it sends `event: end` with the state and
 * closes. A stream that closes without it was cut, and the client reconnects with Last-Event-ID.
 *
 * Memory is bounded: one page at a time, and the next only after the socket accepted the last. A
 * client that reads nothing for `drainTimeoutMs` is dropped.
 */
export type StreamOptions = StreamLimits & { redact: Redact };
export type StreamLimits = {
  heartbeatMs: number;
  drainTimeoutMs: number;
  pageSize: number;
  /** The stream of all tasks tells at most once in this time. */
  batchMs: number;
  /** Open streams of one address, so that one client does not take the places of all. */
  streamsPerClient: number;
};

const endings: ReadonlySet<string> = new Set(["task.completed", "task.failed", "task.cancelled"]);

export async function streamEvents(
  service: Service,
  taskId: string,
  afterSeq: number,
  response: ServerResponse,
  limits: StreamOptions,
  signal: AbortSignal,
): Promise<void> {
  const news = new Signal();
  const stopListening = service.onEvents(taskId, () => news.raise());
  const onEnd = () => news.raise();
  response.once("close", onEnd);
  signal.addEventListener("abort", onEnd, { once: true });
  const isOpen = () => !signal.aborted && !response.destroyed && response.writable;
  try {
    let after = afterSeq;
    let askState = true;
    await write(response, "retry: 2000\n\n", limits);
    while (isOpen()) {
      // Read before the events, so that no event can slip in between.
      const state = askState ? (await service.find(taskId)).state : null;
      const page = await service.events(taskId, after, limits.pageSize);
      askState = page.some(({ type }) => endings.has(type));
      for (const event of page) {
        if (!isOpen()) return;
        const wire = redactDeep(toEventWire(event), limits.redact);
        const text = `id: ${wire.seq}\nevent: ${wire.type}\ndata: ${JSON.stringify(wire)}\n\n`;
        if (!(await write(response, text, limits))) return;
        after = event.seq;
      }
      if (page.length === limits.pageSize || askState) continue;
      if (state !== null && isTaskOver(state)) {
        await write(response, `event: end\ndata: ${JSON.stringify({ state })}\n\n`, limits);
        return;
      }
      if (await news.wait(limits.heartbeatMs)) continue;
      if (!(await write(response, ": still here\n\n", limits))) return;
      askState = true; // a notification is a hint and may be lost
    }
  } finally {
    stopListening();
    signal.removeEventListener("abort", onEnd);
    response.end();
  }
}
