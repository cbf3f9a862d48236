import { statfs } from "node:fs/promises";

/** Free space on the volume of a folder of ours. */
export type RoomAtStart = { bytes: number; at: number };

/** Returns the bytes that can be written at `path`, and when, in ms since the epoch. */
export async function measureRoom(path: string): Promise<RoomAtStart> {
  const { bavail, bsize } = await statfs(path);
  return { bytes: bavail * bsize, at: Date.now() };
}

/** Less than this counts as full; the watch over volumes requires the same. */
export const fullBytes = 1024 * 1024;

export async function isVolumeFull(path: string): Promise<boolean> {
  return (await measureRoom(path)).bytes < fullBytes;
}
