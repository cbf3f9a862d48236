import type { LogPartView } from "../../../../../src/api/task/log.ts";

/**
 * The part of a log that is shown: chunks that follow each other, read by ranges of bytes. The end is
 * read first; older chunks come in front when one scrolls up, and the newest leave when it is too much.
 * Only who follows the end loses the oldest: nothing leaves in front of somebody who reads there.
 */
export type Chunk = { from: number; to: number; text: string };
export type LogWindow = {
  chunks: readonly Chunk[];
  total: number;
  ended: boolean;
  /** Whether it goes on to the log's last whole line. */
  hasNewest: boolean;
};
export type LogPart = LogPartView;

export const partBytes = 64 * 1024;
/** So many bytes are kept in the page, of however long a log. */
export const mostBytes = 32 * partBytes;

/** The daemon reads no fewer. */
export const leastBytes = 64;

export const emptyWindow: LogWindow = { chunks: [], total: 0, ended: false, hasNewest: true };

export const startOf = ({ chunks }: LogWindow): number => chunks[0]?.from ?? 0;
export const endOf = ({ chunks }: LogWindow): number => chunks.at(-1)?.to ?? 0;

/** The range before what is shown; null: it begins at the log's beginning. */
export function olderRange(window: LogWindow): { from: number } | null {
  const start = startOf(window);
  if (start === 0) return null;
  const from = Math.max(0, start - partBytes);
  return { from };
}

/** With what was read before it, in one or more parts that follow each other up to its start. */
export function addOlder(window: LogWindow, parts: readonly LogPart[]): LogWindow {
  const [first, last] = [parts[0], parts.at(-1)];
  const start = startOf(window);
  if (!first || !last || last.to < start) return window;
  const text = parts.map((part) => part.text).join("");
  const whole = firstBytes(text, start - first.from);
  // It begins somewhere in a line, whose beginning comes with what is older still.
  const end = whole.indexOf("\n") + 1;
  const line = first.from === 0 || end === whole.length ? 0 : end;
  const from = first.from + byteLength(whole.slice(0, line));
  const chunks = [{ from, to: start, text: whole.slice(line) }, ...window.chunks];
  while (bytesOf(chunks) > mostBytes && chunks.length > 1) chunks.pop();
  const hasNewest = window.hasNewest && chunks.at(-1)?.to === endOf(window);
  return { chunks, hasNewest, total: Math.max(last.total, window.total), ended: last.ended };
}

/** Of the last part alone. */
export const startAt = (part: LogPart): LogWindow => ({
  chunks: [toChunk(part)],
  total: part.total,
  ended: part.ended,
  hasNewest: true,
});

/** With a part that was read from its end on, as far as there is room for it. */
export function addNewer(window: LogWindow, part: LogPart, isFollowing: boolean): LogWindow {
  const { total, ended } = part;
  const end = endOf(window);
  const hasNewest = total - end <= partBytes;
  if (part.from !== end || part.to <= end)
    return { ...window, total, ended, hasNewest: window.hasNewest && hasNewest };
  const chunks = [...window.chunks, toChunk(part)];
  if (!isFollowing && bytesOf(chunks) > mostBytes)
    return { ...window, total, ended, hasNewest: false };
  while (bytesOf(chunks) > mostBytes && chunks.length > 1) chunks.shift();
  return { chunks, total, ended, hasNewest };
}

/** With what was written since. Where the newest lines are not shown only its size is read. */
export async function readOn(
  window: LogWindow,
  readPart: (from: number, bytes: number) => Promise<LogPart>,
  isFollowing: () => boolean,
): Promise<LogWindow> {
  const readEnd = async () => startAt(await readPart(-partBytes, partBytes));
  if (window.chunks.length === 0) return readEnd();
  if (!isFollowing() && !window.hasNewest) {
    const { total, ended } = await readPart(endOf(window), leastBytes);
    return { ...window, total, ended };
  }
  for (let now = window; ; ) {
    const end = endOf(now);
    const part = await readPart(end, partBytes);
    if (isFollowing() && part.total - end > mostBytes) return readEnd();
    now = addNewer(now, part, isFollowing());
    if (!isFollowing() || now.hasNewest || endOf(now) === end) return now;
  }
}

const toChunk = ({ from, to, text }: LogPart): Chunk => ({ from, to, text });

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

function firstBytes(text: string, count: number): string {
  const bytes = new TextEncoder().encode(text);
  return bytes.length <= count ? text : new TextDecoder().decode(bytes.slice(0, count));
}

const bytesOf = (chunks: readonly Chunk[]): number =>
  (chunks.at(-1)?.to ?? 0) - (chunks[0]?.from ?? 0);
