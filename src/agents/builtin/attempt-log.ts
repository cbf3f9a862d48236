import { type FileHandle, open } from "node:fs/promises";
import { cleanText, cutToTail } from "../../core/text/clean-text.ts";
import type { Message } from "./model/model.ts";

/**
 * The builtin agent's log: its transcript in readable form and the events in between. Written
 * during the work, up to a limit; a failed write never ends an attempt.
 */
const maxLogChars = 64 * 1024 * 1024;

export class AttemptLog {
  private readonly path: string;
  private readonly secret: string;
  private accepted = 0;
  private waiting = "";
  private writing: Promise<void> | null = null;
  private file: FileHandle | null = null;
  private end = "";

  /** `secret` is masked wherever it occurs. */
  constructor(path: string, secret: string) {
    this.path = path;
    this.secret = secret;
  }

  addMessage(message: Message): void {
    switch (message.role) {
      case "system":
        break; // identical in every run
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
    if (this.accepted > maxLogChars) return;
    this.accepted += text.length;
    this.waiting += this.accepted > maxLogChars ? `${text}[log ends here]\n` : text;
    this.writing ??= this.write();
  }

  /** Writes one batch at a time: everything added during the previous write. */
  private async write(): Promise<void> {
    while (this.waiting !== "") {
      const text = this.waiting;
      this.waiting = "";
      try {
        this.file ??= await open(this.path, "a", 0o600);
        await this.file.appendFile(text);
      } catch {
        // the work continues without its log
      }
    }
    this.writing = null;
  }

  /** The end of the log, for the next attempt's brief. */
  tail(): string {
    return this.end;
  }

  /** Resolves when everything is written and the file is closed. */
  async close(): Promise<void> {
    while (this.writing) await this.writing;
    await this.file?.close().catch(() => {}); // for example on a full disk
    this.file = null;
  }
}
