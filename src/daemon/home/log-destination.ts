import { write as writeFile } from "node:fs";

/**
 * The log's file descriptor, with a bounded buffer in front of it. A log that cannot be written (a
 * full volume, a closed pipe, a file that may not grow) fails nothing: lines wait in the buffer,
 * what does not fit is dropped and counted, and the count is written first when writing works
 * again. A stalled reader blocks a thread of the pool, and never the event loop: one write is in
 * flight at a time.
 */
export type LogDestination = {
  write(line: string): void;
  /** Calls back when everything is written, or after a second; for the end of the process. */
  flush(done: () => void): void;
};

type Write = (
  fd: number,
  bytes: Buffer,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

const maxWaitingBytes = 256 * 1024;
const flushMs = 1_000;
/** The retry delay is shorter for a slow reader (EAGAIN) than for a full volume. */
const retryMs = { slowReader: 20, other: 1_000 };

/** `write` is `fs.write` except in tests. Never throws. */
export function openLogDestination(fd: number, write: Write = writeFile): LogDestination {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let lastCode = "the reader stopped reading";
  let isWriting = false;
  let timer: NodeJS.Timeout | null = null;
  let onEmpty: (() => void)[] = [];

  const retryLater = (error: NodeJS.ErrnoException) => {
    lastCode = error.code ?? error.message;
    const delayMs = lastCode === "EAGAIN" ? retryMs.slowReader : retryMs.other;
    timer = setTimeout(() => {
      timer = null;
      writeNext();
    }, delayMs).unref();
  };
  // After a failure only the timer retries, not every line.
  const writeNext = () => {
    if (isWriting || timer !== null) return;
    if (waiting.length === 0 && dropped > 0) {
      add(describeDropped(dropped, lastCode));
      dropped = 0;
    }
    if (waiting.length === 0) {
      for (const done of onEmpty) done();
      onEmpty = [];
      return;
    }
    const bytes = Buffer.concat(waiting);
    waiting = [bytes];
    isWriting = true;
    write(fd, bytes, (error, written) => {
      isWriting = false;
      if (error) return retryLater(error);
      waitingBytes -= written;
      // A full volume may take the beginning of a line: the rest follows, so that lines stay whole.
      if (written < bytes.length) waiting[0] = bytes.subarray(written);
      else waiting.shift();
      writeNext();
    });
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
      writeNext();
    },
    flush: (done) => {
      const late = setTimeout(done, flushMs);
      onEmpty.push(() => {
        clearTimeout(late);
        done();
      });
      writeNext();
    },
  };
}

function describeDropped(dropped: number, code: string): string {
  const time = new Date().toISOString();
  const msg = `${dropped} lines of this log were dropped while it could not be written (${code})`;
  return `${JSON.stringify({ level: 40, time, dropped, msg })}\n`;
}
