import { statfs } from "node:fs/promises";

/** What can be written on the volume of a folder of ours. */
export type RoomAtStart = { bytes: number; at: number };

/** The bytes that can be written at `path`, and when that was, in ms since the epoch. */
export async function measureRoom(path: string): Promise<RoomAtStart> {
  const { bavail, bsize } = await statfs(path);
  return { bytes: bavail * bsize, at: Date.now() };
}

/** Less than this is full: as much as the watch over volumes asks for. */
export const fullBytes = 1024 * 1024;

export async function isVolumeFull(path: string): Promise<boolean> {
  return (await measureRoom(path)).bytes < fullBytes;
}
