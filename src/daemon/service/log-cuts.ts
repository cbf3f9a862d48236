import type { FileHandle } from "node:fs/promises";

/**
 * Where a log may be cut: where a line begins, and in a line that is too long for that at every 64 KiB of
 * the file. A reader cannot choose other places, because a secret that is cut in two is not known as one
 * any more, and is not redacted.
 */
const gridBytes = 64 * 1024;

/** The last cut that is not behind `place`. */
export async function findCut(file: FileHandle, place: number): Promise<number> {
  const from = Math.max(0, place - 2 * gridBytes);
  const before = await readAt(file, from, place - from);
  const line = from + before.lastIndexOf("\n") + 1;
  const cut = await findGrid(file, place);
  // If no line begins in what was read, all of a step before the cut is of one line.
  const isSure = line > from || from === 0;
  return isSure && cut.at - line < gridBytes ? line : cut.place;
}

/** The last place of the grid, and where the character begins that is there. */
async function findGrid(file: FileHandle, place: number): Promise<{ at: number; place: number }> {
  const next = place + maxInside - ((place + maxInside) % gridBytes);
  const found = await beforeCharacter(file, next);
  if (found !== null && found <= place) return { at: next, place: found };
  const at = Math.max(0, next - gridBytes);
  return { at, place: (await beforeCharacter(file, at)) ?? at };
}

/**
 * The last cut from `start` to `wanted`, or else the next one behind `start`. `start` itself: the rest is
 * a line that is not whole yet.
 */
export async function findEnd(
  file: FileHandle,
  { start, total, wanted }: { start: number; total: number; wanted: number },
): Promise<number> {
  const last = await findCut(file, wanted);
  if (last > start) return last;
  // A line has its next cut within two steps of the grid.
  for (let place = start; place < total; ) {
    const part = await readAt(file, place, Math.min(gridBytes, total - place));
    if (part.length === 0) break; // it was cut off meanwhile
    const line = part.indexOf("\n");
    if (line >= 0) return place + line + 1;
    place += part.length;
    const cut = await findCut(file, place);
    if (cut > start) return cut;
  }
  return start;
}

export async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}

/** UTF-8 has so many bytes inside a character. */
const maxInside = 3;

/** Null: nothing is there yet. */
async function beforeCharacter(file: FileHandle, place: number): Promise<number | null> {
  const from = Math.max(0, place - maxInside);
  const around = await readAt(file, from, place - from + 1);
  if (around.length <= place - from) return null;
  let at = place;
  while (at > from && isInside(around[at - from])) at--;
  return at;
}

const isInside = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;
