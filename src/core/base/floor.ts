/**
 * The floor of a volume: with less free than this, nothing new starts there, so that what runs has
 * room to end well. It is `min_free_mb`, but at most a tenth of the volume, so that small volumes
 * and machines work. A volume that fell below it has to have a quarter more before it counts as
 * having room again: without that, every file that comes and goes would stop and start everything.
 */
export type Room = { freeBytes: number; totalBytes: number };

const megabyte = 1024 * 1024;
const shareOfVolume = 10;
const roomAgain = 1.25;

/** In bytes; 0: this volume has none. */
export function floorOf({ totalBytes }: Room, minFreeMb: number): number {
  return Math.floor(Math.min(minFreeMb * megabyte, totalBytes / shareOfVolume));
}

/** What has to be free until a volume that fell below its floor counts as having room, in bytes. */
export function roomAgainAt(room: Room, minFreeMb: number): number {
  return Math.ceil(floorOf(room, minFreeMb) * roomAgain);
}

export function isBelowFloor(room: Room, minFreeMb: number, wasBelow: boolean): boolean {
  return room.freeBytes < (wasBelow ? roomAgainAt : floorOf)(room, minFreeMb);
}

/** One sentence: which volume, its free space, its floor, and what to do. */
export function describeLow(mount: string, path: string, room: Room, minFreeMb: number): string {
  const [free, floor, again] = [
    room.freeBytes,
    floorOf(room, minFreeMb),
    roomAgainAt(room, minFreeMb),
  ].map(inMb);
  return `The volume at ${mount} (${path}) has ${free} MB free and a floor of ${floor} MB (min_free_mb): nothing new starts until ${again} MB are free; free space there, and the work continues by itself.`;
}

/** Megabytes, with one digit where they are few. */
export function inMb(bytes: number): string {
  const mb = bytes / megabyte;
  return mb < 10 ? mb.toFixed(1) : String(Math.round(mb));
}
