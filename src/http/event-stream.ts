import type { ServerResponse } from "node:http";
import { toEventWire } from "../api/event.ts";
import { isTaskOver } from "../core/task/lifecycle.ts";
import { type Redact, redactDeep } from "../core/text/redact.ts";
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

/** Writes and waits until the socket accepted it. False if the client is gone or does not read. */
async function write(
  response: ServerResponse,
  text: string,
  { drainTimeoutMs }: StreamLimits,
): Promise<boolean> {
  if (response.destroyed || !response.writable) return false;
  if (response.write(text)) return true;
  return new Promise((resolve) => {
    const settle = (taken: boolean) => {
      clearTimeout(timer);
      response.off("drain", onDrain);
      response.off("close", onClose);
      resolve(taken);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    const timer = setTimeout(() => {
      response.destroy();
      settle(false);
    }, drainTimeoutMs);
    response.once("drain", onDrain);
    response.once("close", onClose);
  });
}

/** Remembers being raised until somebody waits; several raises in between count as one. */
class Signal {
  private raised = false;
  private wake: (() => void) | null = null;

  raise(): void {
    this.raised = true;
    this.wake?.();
  }

  /** True if it was raised, false after `timeoutMs` without. */
  async wait(timeoutMs: number): Promise<boolean> {
    if (!this.raised) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = null;
    }
    const wasRaised = this.raised;
    this.raised = false;
    return wasRaised;
  }
}
