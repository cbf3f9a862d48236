import { readFileSync } from "node:fs";
import { lookOf, type StatSnapshot, tickMs } from "./stat-snapshot.ts";

/**
 * What git's index says of a checkout, as a stat snapshot at it: names, and what each file looked like when
 * git wrote it. Only of our own index, which no agent can reach, and only where it is as plain as git
 * makes it for a small checkout; anything else is null, and git is asked.
 */
export type IndexSnapshot = StatSnapshot & {
  /** Of each file its mode and the id of what is in it, as trees have them. */
  contents: Map<string, string>;
};

/** Each is some ninety bytes; reading more takes longer than starting git. */
const maxBytes = 200_000;
const kinds = new Map([
  [0o100644, "f"],
  [0o100755, "f"],
  [0o120000, "l"],
]);

/** `writtenAtMs`: the time of the index itself. */
export function readIndexSnapshot(path: string, writtenAtMs: number): IndexSnapshot | null {
  const data = readFileSync(path);
  if (data.length > maxBytes || data.length < 32) return null;
  if (data.toString("latin1", 0, 4) !== "DIRC" || data.readUInt32BE(4) !== 2) return null;
  const snapshot: IndexSnapshot = { looks: new Map(), names: new Map(), contents: new Map() };
  const folders = new Map<string, Set<string>>([["", new Set()]]);
  let at = 12;
  for (let left = data.readUInt32BE(8); left > 0; left--) {
    const number = (field: number) => data.readUInt32BE(at + 4 * field);
    const end = data.indexOf(0, at + 62);
    const mode = number(6);
    const kind = kinds.get(mode);
    // Only the length of the name: nothing assumed, no stage of a merge, no longer form.
    const isPlain = (data.readUInt16BE(at + 60) & 0xf000) === 0;
    if (end < 0 || kind === undefined || !isPlain) return null;
    const name = data.toString("latin1", at + 62, end);
    const ctimeMs = toMs(number(0), number(1));
    const mtimeMs = toMs(number(2), number(3));
    const isYoung = Math.max(ctimeMs, mtimeMs) >= writtenAtMs - tickMs;
    const stats = { ino: number(5), mode, size: number(9), mtimeMs, ctimeMs };
    snapshot.looks.set(name, isYoung ? "" : lookOf(stats));
    snapshot.contents.set(name, `${mode.toString(8)} ${data.toString("hex", at + 40, at + 60)}`);
    addName(folders, name, kind);
    at += (62 + name.length + 8) & ~7;
  }
  if (!hasPlainRest(data, at)) return null;
  for (const [folder, names] of folders) snapshot.names.set(folder, [...names].sort().join("\0"));
  return snapshot;
}

/** As Node tells times. */
function toMs(seconds: number, nanoseconds: number): number {
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

function addName(folders: Map<string, Set<string>>, path: string, kind: string): void {
  let folder = "";
  const parts = path.split("/");
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    folders.get(folder)?.add(`${isLast ? kind : "d"}${part}`);
    if (isLast) return;
    folder += `${part}/`;
    if (!folders.has(folder)) folders.set(folder, new Set());
  }
}

/** Behind the entries come a checksum and parts that may be left out; those that may not change their meaning. */
function hasPlainRest(data: Buffer, from: number): boolean {
  const checksumBytes = 20;
  let at = from;
  while (at + 8 <= data.length - checksumBytes) {
    if (!/^[A-Z]{4}$/.test(data.toString("latin1", at, at + 4))) return false;
    at += 8 + data.readUInt32BE(at + 4);
  }
  return at === data.length - checksumBytes;
}
