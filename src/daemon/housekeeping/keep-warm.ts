import { setTimeout as sleep } from "node:timers/promises";
import type { WarmRepository } from "../../core/settings/readiness.ts";
import type { Db } from "../../store/database/schema.ts";
import { listRecentBases } from "../../store/tasks/tasks.ts";

/**
 * Runs the setup of a base before a task needs it: when a person asks, and by itself for repositories
 * that had a task lately, where their base has moved and nothing else is to do.
 */
export type Warmer = {
  /** Answers `making` after some seconds; the next call for the same joins what runs. */
  warm(repository: string, base: string | null): Promise<WarmRepository>;
  /** One after the other, while `isFree` holds. `onError`: the others are prepared. */
  warmRecent(isFree: () => Promise<boolean>, onError: (error: Error) => void): Promise<void>;
  stop(): Promise<void>;
};

type Deps = {
  db: Db;
  /** Throws a DeputyError if the repository is not usable; returns its canonical form. */
  checkRepository: (repository: string, base: string | null) => Promise<string>;
  make: (
    about: { repository: string; base: string | null },
    signal: AbortSignal,
  ) => Promise<WarmRepository>;
  /** How long a call waits for an answer that is not `making`. */
  waitMs?: number;
};

const recentDays = 7;
const maxRecent = 50;

export function makeWarmer({ db, checkRepository, make, waitMs = 20_000 }: Deps): Warmer {
  const running = new Map<string, Promise<WarmRepository>>();
  const stopping = new AbortController();
  const join = (about: { repository: string; base: string | null }) => {
    const key = JSON.stringify([about.repository, about.base]);
    const made = running.get(key) ?? make(about, stopping.signal);
    running.set(key, made);
    const forget = () => running.delete(key);
    made.then(forget, forget);
    return made;
  };
  return {
    warm: async (given, base) => {
      const repository = await checkRepository(given, base);
      const making: WarmRepository = {
        ...{ repository, state: "making", detail: "Setup is running.", setup: [] },
        ...{ baseRef: null, baseCommit: null, madeAt: null, setupMs: null },
      };
      const late = new AbortController();
      return Promise.race([
        join({ repository, base }),
        sleep(waitMs, making, { signal: late.signal }),
      ]).finally(() => late.abort());
    },
    warmRecent: async (isFree, onError) => {
      for (const about of await listRecentBases(db, recentDays, maxRecent)) {
        if (stopping.signal.aborted || !(await isFree())) return;
        if (!isCommit.test(about.base ?? "")) await join(about).catch(onError);
      }
    },
    stop: async () => {
      stopping.abort();
      await Promise.allSettled(running.values());
    },
  };
}

/** A commit does not move. */
const isCommit = /^[0-9a-f]{7,40}$/;
