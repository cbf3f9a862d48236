import { writeSync } from "node:fs";

/**
 * Where the log goes: a file descriptor, and a bounded buffer in front of it. A log that cannot be
 * written (a full volume, a closed pipe, a file that may not grow) fails nobody: lines wait in the
 * buffer, what does not fit is dropped and counted, and the count is the first thing that is written
 * when writing works again.
 */
export type LogDestination = { write(line: string): void };

const maxWaitingBytes = 256 * 1024;
/** A reader that is slow (EAGAIN) is waited for less long than a volume that is full. */
const retryMs = { slowReader: 20, other: 1_000 };

/** `write` is `fs.writeSync`, but in tests. Never throws. */
export function openLogDestination(
  fd: number,
  write: (fd: number, bytes: Buffer) => number = writeSync,
): LogDestination {
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let lastCode = "";
  let timer: NodeJS.Timeout | null = null;

  const retryLater = (error: unknown) => {
    lastCode = (error as NodeJS.ErrnoException).code ?? String(error);
    const delayMs = lastCode === "EAGAIN" ? retryMs.slowReader : retryMs.other;
    timer ??= setTimeout(() => {
      timer = null;
      flush();
    }, delayMs).unref();
  };
  const flush = () => {
    for (;;) {
      const [first] = waiting;
      if (first === undefined) {
        if (dropped === 0) return;
        add(describeDropped(dropped, lastCode));
        dropped = 0;
        continue;
      }
      try {
        const written = write(fd, first);
        waitingBytes -= written;
        // A full volume takes the beginning of a line: the rest follows, so that lines stay whole.
        if (written < first.length) waiting[0] = first.subarray(written);
        else waiting.shift();
      } catch (error) {
        return retryLater(error);
      }
    }
  };
  const add = (line: string) => {
    const bytes = Buffer.from(line);
    waiting.push(bytes);
    waitingBytes += bytes.length;
  };
  return {
    write: (line) => {
      if (waitingBytes + line.length > maxWaitingBytes) dropped++;
      else add(line);
      // While it is known to fail it is tried by the timer, not by every line.
      if (timer === null) flush();
    },
  };
}

function describeDropped(dropped: number, code: string): string {
  const time = new Date().toISOString();
  const msg = `${dropped} lines of this log were dropped while it could not be written (${code})`;
  return `${JSON.stringify({ level: 40, time, dropped, msg })}\n`;
}
