import { appendFile } from "node:fs/promises";
import { cleanText, cutToTail } from "../clean-text.ts";
import type { Message } from "./model.ts";

/**
 * The builtin agent's log: its transcript as a person reads it, plus what happened between. Written
 * entry by entry, up to a limit; a log that cannot be written never ends an attempt.
 */
const maxLogChars = 64 * 1024 * 1024;

export class AttemptLog {
  private readonly path: string;
  private readonly secret: string;
  private written = 0;
  private last: Promise<void> = Promise.resolve();
  private end = "";

  /** `secret` is left out wherever it turns up. */
  constructor(path: string, secret: string) {
    this.path = path;
    this.secret = secret;
  }

  addMessage(message: Message): void {
    switch (message.role) {
      case "system":
        break; // the same every time
      case "user":
        this.add(`── told ──\n${message.text}`);
        break;
      case "assistant":
        if (message.text.trim() !== "") this.add(`── model ──\n${message.text}`);
        for (const call of message.toolCalls) this.add(`→ ${call.name} ${call.arguments}`);
        break;
      case "tool":
        this.add(message.text);
        break;
    }
  }

  add(entry: string): void {
    const text = `${cleanText(this.secret ? entry.replaceAll(this.secret, "[key]") : entry)}\n`;
    this.end = cutToTail(this.end + text, 8_000);
    if (this.written > maxLogChars) return;
    this.written += text.length;
    const whole = this.written > maxLogChars ? `${text}[log ends here]\n` : text;
    this.last = this.last.then(() => appendFile(this.path, whole, { mode: 0o600 })).catch(() => {}); // the work goes on without its log
  }

  /** The end of it, for the next attempt's brief. */
  tail(): string {
    return this.end;
  }

  /** Resolves when everything is in the file. */
  flush(): Promise<void> {
    return this.last;
  }
}
