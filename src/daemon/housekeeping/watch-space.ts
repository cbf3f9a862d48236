import { randomUUID } from "node:crypto";
import { existsSync, statfsSync, statSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Config } from "../../config/config.ts";
import { findSpaceProblem, type SpaceCode, type SpaceProblem } from "../../core/base/space.ts";

/**
 * Tracks which of our volumes cannot be written. A volume counts as full from the first error that
 * says so, or once less than a megabyte of it is free, until a megabyte can be written there again.
 * No space is reserved: a full volume is reported once, and checked until it has space.
 */
export type SpaceWatch = {
  /** One sentence for each volume that was full at the last check. */
  problems(): readonly string[];
  /** Checks all volumes now and returns `problems`. */
  look(): Promise<readonly string[]>;
  /**
   * Returns the sentence about the volume that an error (or its text) is about; one of ours counts
   * as full from now on. Null when the error is not about space.
   */
  explain(error: unknown): Promise<string | null>;
};

/**
 * A place that we write to. For the database's data, which a server writes, `canWrite` replaces the
 * trial, and the path is null where the server is not ours.
 */
export type WatchedPlace = { path: string | null; canWrite?: () => Promise<unknown> };

type Options = {
  places: readonly WatchedPlace[];
  /** Called once when volumes become full, and `onFree` once when none is any more. */
  onFull?: (problems: readonly string[]) => void;
  onFree?: () => void;
};

/** The folders that Deputy itself writes to. */
export function foldersOf({ home, paths }: Config): string[] {
  const { artifacts, checks, logs, mirrors, sandbox, scratch, worktrees } = paths;
  return [home, mirrors, worktrees, checks, logs, scratch, sandbox, artifacts, tmpdir()];
}

const trialBytes = 1024 * 1024;
const fewInodes = 4;

export function watchSpace(options: Options): SpaceWatch {
  const { places, onFull = () => {}, onFree = () => {} } = options;
  const full = new Map<WatchedPlace, string>();
  /** Volumes of others that block a single task, by a path: a repository that is delivered to. */
  const elsewhere = new Set<string>();
  let looking: Promise<readonly string[]> | null = null;

  const lookAtAll = async () => {
    const wasFull = full.size > 0;
    const seen = new Set<number>();
    for (const place of places) {
      // Several places on one volume count once; a place that does not exist yet is its parent's.
      const volume = place.path === null ? null : deviceOf(place.path);
      if (place.canWrite === undefined && volume !== null && seen.has(volume)) {
        full.delete(place);
        continue;
      }
      if (volume !== null) seen.add(volume);
      const problem = await findProblem(place, full.has(place));
      if (problem) full.set(place, describe(problem, place.path));
      else full.delete(place);
    }
    const wereElsewhere = elsewhere.size;
    for (const path of elsewhere) if (!isLow(roomAt(path))) elsewhere.delete(path);
    if (full.size > 0 && !wasFull) onFull([...full.values()]);
    if ((full.size === 0 && wasFull) || elsewhere.size < wereElsewhere) onFree();
    return [...full.values()];
  };
  const look = () => {
    looking ??= lookAtAll().finally(() => {
      looking = null;
    });
    return looking;
  };
  return {
    problems: () => [...full.values()],
    look,
    explain: async (error) => {
      const problem = findSpaceProblem(error) ?? (await findBehind(error));
      if (!problem) return null;
      const place = placeOf(problem, places);
      const sentence = describe(problem, place?.path ?? problem.path);
      if (!place) {
        if (problem.path !== null && !elsewhere.has(problem.path)) {
          elsewhere.add(problem.path);
          onFull([sentence]);
        }
        return sentence;
      }
      const wasFull = full.size > 0;
      full.set(place, sentence);
      if (!wasFull) onFull([sentence]);
      // It may have been momentary: then the volume is free again, and this error was all.
      await look();
      return sentence;
    },
  };
}

/** mkdir with parents on a read-only volume fails as if a parent were missing. */
async function findBehind(error: unknown): Promise<SpaceProblem | null> {
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  return code === "ENOENT" && syscall === "mkdir" && path ? tryToWrite(path) : null;
}

function placeOf({ ofDatabase, path }: SpaceProblem, places: readonly WatchedPlace[]) {
  if (ofDatabase) return places.find(({ canWrite }) => canWrite) ?? null;
  const volume = path === null ? null : deviceOf(path);
  if (volume === null) return null;
  return places.find((place) => place.path !== null && deviceOf(place.path) === volume) ?? null;
}

/** `isKnown`: it was full at the last check, so free bytes alone prove nothing. */
async function findProblem(place: WatchedPlace, isKnown: boolean): Promise<SpaceProblem | null> {
  const mayBeFull = place.path !== null && isLow(roomAt(place.path));
  if (place.canWrite) {
    if (mayBeFull) return { code: "ENOSPC", path: place.path, ofDatabase: true };
    if (!isKnown) return null;
    // Until it answers, nothing shows that there is space for it.
    const refused = await place.canWrite().then(
      () => null,
      (error: unknown) => error,
    );
    if (refused === null) return null;
    return findSpaceProblem(refused) ?? { code: "ENOSPC", path: place.path, ofDatabase: true };
  }
  return place.path !== null && (mayBeFull || isKnown) ? tryToWrite(place.path) : null;
}

/** Writes and removes a file: quotas, inodes and a read-only volume show nowhere else. */
async function tryToWrite(folder: string): Promise<SpaceProblem | null> {
  const there = existingAbove(folder);
  const path = join(there, `.deputy-space-${randomUUID()}`);
  let file: FileHandle | null = null;
  try {
    file = await open(path, "wx", 0o600);
    await file.writeFile(Buffer.alloc(trialBytes));
    await file.datasync();
    return null;
  } catch (error) {
    const problem = findSpaceProblem(error);
    return problem && { ...problem, path: there };
  } finally {
    await file?.close().catch(() => {}); // the failed write is reported above
    if (file) await rm(path, { force: true });
  }
}

const inWords: Record<SpaceCode, string> = {
  ENOSPC: "is full",
  EDQUOT: "is full for this user: the disk quota is used up",
  EROFS: "is read-only now",
  EFBIG:
    "takes no larger file: a limit of this process (ulimit -f) or of the file system is reached",
};

/** One sentence: which volume, its free space, and what to do. */
function describe({ code, ofDatabase }: SpaceProblem, path: string | null): string {
  const cure = code === "EROFS" ? "mount it writable again" : "free space there";
  const end = `${inWords[code]}; ${cure}, and the work continues by itself.`;
  if (path === null)
    return `${ofDatabase ? "The volume with the data of the PostgreSQL server" : "A volume"} ${end}`;
  const room = roomAt(path);
  const inodes = room && Number.isFinite(room.inodes) ? ` and ${room.inodes} inodes` : "";
  const free = room ? `, ${room.bytes} bytes${inodes} free` : "";
  return `The volume at ${mountOf(path)} (${path}${free}) ${end}`;
}

/** The sentence for an error about missing space; null for any other. */
export function explainSpace(error: unknown): string | null {
  const problem = findSpaceProblem(error);
  return problem && describe(problem, problem.path);
}

/** The problem of a path's volume, in one sentence; null: it can be written. */
export async function findFullVolume(path: string): Promise<string | null> {
  const problem = await tryToWrite(path);
  return problem && describe(problem, path);
}

function isLow(room: { bytes: number; inodes: number } | null): boolean {
  return room !== null && (room.bytes < trialBytes || room.inodes < fewInodes);
}

function roomAt(path: string): { bytes: number; inodes: number } | null {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(existingAbove(path));
    // File systems without an inode table report that they have none at all.
    return { bytes: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
  } catch {
    return null; // not accessible: only errors tell of its space
  }
}

function deviceOf(path: string): number | null {
  try {
    return statSync(existingAbove(path)).dev;
  } catch {
    return null; // not accessible
  }
}

function existingAbove(path: string): string {
  let there = path;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  return there;
}

/** The topmost folder above a path that is still on its volume. */
function mountOf(path: string): string {
  let there = existingAbove(path);
  while (dirname(there) !== there && deviceOf(dirname(there)) === deviceOf(there))
    there = dirname(there);
  return there;
}
