import { tmpdir } from "node:os";
import type { Config } from "../../config/config.ts";
import { describeLow, isBelowFloor } from "../../core/base/floor.ts";
import { findSpaceProblem, type SpaceProblem } from "../../core/base/space.ts";
import {
  describe,
  deviceOf,
  isAlmostFull,
  measureVolume,
  mountOf,
  tryToWrite,
} from "./probe-volume.ts";

/**
 * Tracks which of our volumes cannot be written. A volume counts as full from the first error that
 * says so, or once less than a megabyte of it is free, until a megabyte can be written there again.
 * No space is reserved: a full volume is reported once, and checked until it has space. One that is
 * not full, but below its floor (floor.ts), is low.
 */
export type SpaceWatch = {
  /** One sentence for each volume that was full at the last check. */
  problems(): readonly string[];
  /** The same for each that was low, and not full. */
  low(): readonly string[];
  /** Whether the volume of this path was one of either at the last check. */
  isScarce(path: string): boolean;
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
  minFreeMb: number;
  /** Called once when volumes become full. */
  onFull?: (problems: readonly string[]) => void;
  /** Called once for each volume that becomes low, unless it was full before. */
  onLow?: (sentence: string, path: string) => void;
  /** Called once when no volume is full any more, and once when none is low either. */
  onFree?: (low: readonly string[]) => void;
};

/** The folders that Deputy itself writes to. */
export function foldersOf({ home, paths }: Config): string[] {
  const { artifacts, checks, logs, mirrors, sandbox, scratch, worktrees } = paths;
  return [home, mirrors, worktrees, checks, logs, scratch, sandbox, artifacts, tmpdir()];
}

export function watchSpace(options: Options): SpaceWatch {
  const { places, minFreeMb } = options;
  const { onFull = () => {}, onLow = () => {}, onFree = () => {} } = options;
  const full = new Map<WatchedPlace, string>();
  /** By device. */
  const low = new Map<number, string>();
  /** Volumes of others that block a single task, by a path: a repository that is delivered to. */
  const elsewhere = new Set<string>();
  let looking: Promise<readonly string[]> | null = null;

  const lookAtAll = async () => {
    const wasFull = full.size > 0;
    const wasLow = new Set(low.keys());
    const scarce = new Set([...low.keys(), ...devicesOf(full.keys())]);
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
    for (const path of elsewhere) if (!isAlmostFull(path)) elsewhere.delete(path);
    const newlyLow = findLow(scarce);
    if (full.size > 0 && !wasFull) onFull([...full.values()]);
    for (const { path, sentence } of newlyLow) onLow(sentence, path);
    const isFree = full.size === 0 && (wasFull || (wasLow.size > 0 && low.size === 0));
    if (isFree || elsewhere.size < wereElsewhere) onFree([...low.values()]);
    return [...full.values()];
  };
  /** Renews `low`; returns those that were not scarce before. */
  const findLow = (scarce: ReadonlySet<number>) => {
    const fullOnes = new Set(devicesOf(full.keys()));
    const newly: { path: string; sentence: string }[] = [];
    low.clear();
    for (const { path } of places) {
      const volume = path === null ? null : deviceOf(path);
      if (path === null || volume === null || fullOnes.has(volume) || low.has(volume)) continue;
      const room = measureVolume(path);
      if (room === null || !isBelowFloor(room, minFreeMb, scarce.has(volume))) continue;
      const sentence = describeLow(mountOf(path), path, room, minFreeMb);
      low.set(volume, sentence);
      if (!scarce.has(volume)) newly.push({ path, sentence });
    }
    return newly;
  };
  const look = () => {
    looking ??= lookAtAll().finally(() => {
      looking = null;
    });
    return looking;
  };
  return {
    problems: () => [...full.values()],
    low: () => [...low.values()],
    isScarce: (path) => {
      const volume = deviceOf(path);
      return volume !== null && [...low.keys(), ...devicesOf(full.keys())].includes(volume);
    },
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
  const mayBeFull = place.path !== null && isAlmostFull(place.path);
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

function devicesOf(places: Iterable<WatchedPlace>): number[] {
  return [...places].flatMap(({ path }) => (path === null ? [] : (deviceOf(path) ?? [])));
}
