import { inMb, type Room } from "./floor.ts";

/** What a repository takes of our disks, in bytes. */
export type RepositoryUse = {
  /** The name of its mirror's folder, without ".git": readable, and unique. */
  repository: string;
  mirrorBytes: number;
  worktreesBytes: number;
  worktrees: number;
  /** What setup made, kept for the next worktree. */
  preparedBytes: number;
  prepared: number;
};

/** One of the volumes that we write to. */
export type Volume = Room & { mount: string; floorBytes: number };

export function describeVolume({ floorBytes, freeBytes, mount, totalBytes }: Volume): string {
  const floor = floorBytes === 0 ? "no floor" : `floor ${inMb(floorBytes)} MB`;
  return `${mount}: ${inMb(freeBytes)} of ${inMb(totalBytes)} MB free, ${floor}`;
}

export function describeUse(use: RepositoryUse): string {
  const { mirrorBytes, prepared, preparedBytes, repository, worktrees, worktreesBytes } = use;
  const count = `${worktrees} worktree${worktrees === 1 ? "" : "s"}`;
  const trees = `${prepared} prepared tree${prepared === 1 ? "" : "s"}`;
  const kept = prepared === 0 ? "" : `, ${trees} ${inMb(preparedBytes)} MB`;
  return `${repository}: mirror ${inMb(mirrorBytes)} MB, ${count} ${inMb(worktreesBytes)} MB${kept}`;
}
