import type { ServerResponse } from "node:http";
import { isTaskOver } from "../core/task/lifecycle.ts";
import { type Redact, redactDeep } from "../core/text/redact.ts";
import type { Service } from "./service.ts";
import { toEventWire } from "./wire/wire.ts";

/**
 * One reader of a task's events, as Server-Sent Events. The store is the truth: the stream reads pages after
 * the last seq it sent, first what is old, then what is new, and the listener only says
 * "look again". When the task is over and everything was sent it says `event: end` with the state and
 * closes; a stream that closes without it was cut, and the reader comes back with Last-Event-ID.
 *
 * Nothing is buffered without limit: one page at a time, and the next only after the socket took
 * the last. A reader that takes nothing for `drainTimeoutMs` is dropped.
 */
export type StreamOptions = StreamLimits & { redact: Redact };
export type StreamLimits = { heartbeatMs: number; drainTimeoutMs: number; pageSize: number };

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
      // Asked before the events are read, so that no event can slip between the two.
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
      if (page.length > 0) continue;
      if (state !== null && isTaskOver(state)) {
        await write(response, `event: end\ndata: ${JSON.stringify({ state })}\n\n`, limits);
        return;
      }
      if (await news.wait(limits.heartbeatMs)) continue;
      if (!(await write(response, ": still here\n\n", limits))) return;
      askState = true; // a notification is a hint, and hints get lost
    }
  } finally {
    stopListening();
    signal.removeEventListener("abort", onEnd);
    response.end();
  }
}

/** Write and wait until the socket took it. False when the reader is gone or does not read. */
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

/** Remembers that that it was raised until somebody waits; several raises in between count as one. */
class Signal {
  private raised = false;
  private wake: (() => void) | null = null;

  raise(): void {
    this.raised = true;
    this.wake?.();
  }

  /** True when it was raised, false when `timeoutMs` went by in silence. */
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
