import type { AgentEvent } from "../agents/agent.ts";

/**
 * Stores what happens in an attempt as events of its task, in order, without blocking the caller.
 * Agent events are limited to about one a second, tool calls and notices excepted: a chatty agent must not
 * flood the log.
 */
type Report = (message: string, data: Record<string, unknown>) => Promise<void>;

export class ProgressReporter {
  private readonly report: Report;
  private lastAt = 0;
  private dropped = 0;
  private pending: Promise<void> = Promise.resolve();

  constructor(report: Report) {
    this.report = report;
  }

  emit(event: AgentEvent): void {
    const now = Date.now();
    const isKept = event.kind === "tool_call" || event.kind === "notice";
    if (!isKept && now - this.lastAt < 1_000) {
      this.dropped++;
      return;
    }
    const message = describeEvent(event);
    if (message === null) return;
    this.lastAt = now;
    const data = { step: event.kind, left_out: this.dropped };
    this.dropped = 0;
    this.tell(message, data);
  }

  tell(message: string, data: Record<string, unknown>): void {
    this.pending = this.pending
      .then(() => this.report(message, data))
      // A progress line that cannot be stored must not end an attempt; it is counted as left out.
      .catch(() => {
        this.dropped++;
      });
  }

  flush(): Promise<void> {
    return this.pending;
  }
}

function describeEvent(event: AgentEvent): string | null {
  switch (event.kind) {
    case "turn":
    case "usage":
      return null;
    case "notice":
      return event.text;
    case "question":
      return `asks: ${event.text}`.slice(0, 300);
    case "text":
      return event.text.trim() === "" ? null : event.text.trim().slice(0, 300);
    case "tool_call":
      return `${event.tool} ${event.summary}`.slice(0, 300);
    case "tool_result":
      return event.ok ? null : `${event.tool} failed: ${event.summary}`.slice(0, 300);
  }
}
