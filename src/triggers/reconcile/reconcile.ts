import { DeputyError } from "../../core/base/error.ts";
import type { ForgeKind } from "../../core/forge/place.ts";
import type { TriggerRules } from "../rules.ts";
import { findMissed, type Logged } from "./find-missed.ts";
import { pollRepository } from "./poll-repository.ts";
import { findEventsFor, findWanted, type Wanted } from "./wanted-events.ts";

/**
 * GitHub does not repeat a delivery that nobody took, so what happened while the daemon was away is
 * looked up: in the hook's own log of deliveries, or, where the token may not read that, in the lists
 * of issues and comments. What is found goes into the same inbox, under the id that it had, and is
 * processed like any other. Only repositories that rules name are looked at, each from when it was
 * first named. The log of our App's webhook has all repositories in one.
 */
export type ReconcileDeps = {
  forge: ForgeKind;
  rules: () => TriggerRules;
  look: LookDeps;
  readCursor: (name: string) => Promise<Cursor | null>;
  writeCursor: (name: string, cursor: Cursor) => Promise<void>;
  /** Returns whether it is new. */
  keep: (delivery: {
    id: string;
    event: string;
    payload: Record<string, unknown>;
    at: Date;
  }) => Promise<boolean>;
  /** Whether a delivery told of this subject and state since then; `hook`: one that GitHub sent. */
  isKnown: (about: string, from: { by: "hook" | null; since: Date | null }) => Promise<boolean>;
  log: (level: "info" | "warn", fields: object, message: string) => void;
};

/**
 * What is asked of a forge: of GitHub by delivery/github/look-back.ts, of others by ../forges/look-*.ts,
 * which answer in the form of GitHub's.
 */
export type LookDeps = {
  /** The log of our App's own webhook, which covers all repositories; null: there is no App. */
  app?: AppLog | null;
  findHooks: (repository: string) => Promise<number[] | null>;
  listLogged: (repository: string, hook: number, since: Date) => Promise<Logged[]>;
  readLogged: (repository: string, hook: number, id: number) => Promise<unknown>;
  poll: (
    repository: string,
    what: "issues" | "comments",
    from: { since: Date; etag: string | null },
  ) => Promise<{ items: unknown[]; etag: string | null } | null>;
  listLabelled: (place: string) => Promise<{ id: number; label: string; by: unknown; at: Date }[]>;
  read: (repository: string, path: string) => Promise<unknown>;
};

export type AppLog = {
  /** Whether its webhook leads to a Deputy. */
  isHeard: () => Promise<boolean>;
  /** Whether the App is installed on `owner/name`. */
  covers: (repository: string) => Promise<boolean>;
  listLogged: (since: Date) => Promise<Logged[]>;
  readLogged: (id: number) => Promise<unknown>;
};

export type Cursor = { seenUntil: Date; etag: string | null };

/** GitHub's log may have a delivery late. */
const overlapMs = 60 * 60_000;
/** It reaches back no further. */
const logMs = 3 * 24 * 60 * 60_000;

/** One round. Returns how many deliveries were found that had been missed. */
export async function reconcile(deps: ReconcileDeps, stopping: AbortSignal): Promise<number> {
  let found = 0;
  let app: AppLog | null = null;
  try {
    const ofApp = deps.look.app ?? null;
    if (ofApp && deps.rules().github.length > 0 && (await ofApp.isHeard())) app = ofApp;
    if (app) found += await readAppLog(deps, app, stopping);
  } catch (error) {
    const { message } = error as Error;
    deps.log("warn", { err: error }, `The App's missed deliveries were not looked for: ${message}`);
    if (error instanceof DeputyError && error.retryAt !== null) return found;
  }
  for (const [repository, wanted] of findWanted(deps.rules(), deps.forge).repositories) {
    if (stopping.aborted) break;
    try {
      if (await app?.covers(repository)) continue;
      found += await reconcileRepository(deps, repository, wanted, stopping);
    } catch (error) {
      // One repository's trouble keeps no other from being looked at; the next round tries again.
      const { message } = error as Error;
      const fields = { repository, err: error };
      deps.log("warn", fields, `Missed deliveries were not looked for: ${message}`);
      // A limit is that of the token, and asking on would prolong it.
      if (error instanceof DeputyError && error.retryAt !== null) break;
    }
  }
  return found;
}

/** Which repository a delivery is about is in its payload alone, so events are left out before. */
async function readAppLog(
  deps: ReconcileDeps,
  app: AppLog,
  stopping: AbortSignal,
): Promise<number> {
  const rules = deps.rules();
  const source = {
    ...{ name: "app hook", fields: {} },
    events: findEventsFor(rules, null),
    list: (since: Date) => app.listLogged(since),
    read: (id: number) => app.readLogged(id),
    isWanted: (event: string, payload: Record<string, unknown>) => {
      const { repository } = payload as { repository?: { full_name?: unknown } };
      const name = repository?.full_name;
      return typeof name === "string" && findEventsFor(rules, name).has(event);
    },
  };
  return readLog(deps, source, stopping);
}

async function reconcileRepository(
  deps: ReconcileDeps,
  repository: string,
  wanted: Wanted,
  stopping: AbortSignal,
): Promise<number> {
  const hooks = await deps.look.findHooks(repository);
  if (hooks === null || hooks.length === 0) return pollRepository(deps, repository, wanted);
  let found = 0;
  for (const hook of hooks) {
    if (stopping.aborted) break;
    const source = {
      ...{ name: `${repository} hook ${hook}`, fields: { repository }, events: wanted.events },
      list: (since: Date) => deps.look.listLogged(repository, hook, since),
      read: (id: number) => deps.look.readLogged(repository, hook, id),
      isWanted: () => true,
    };
    found += await readLog(deps, source, stopping);
  }
  return found;
}

/** A log of deliveries. */
type LogSource = {
  name: string;
  fields: object;
  events: ReadonlySet<string>;
  list: (since: Date) => Promise<Logged[]>;
  read: (id: number) => Promise<unknown>;
  isWanted: (event: string, payload: Record<string, unknown>) => boolean;
};

async function readLog(
  { keep, log, readCursor, writeCursor }: ReconcileDeps,
  { events, fields: about, isWanted, list, name, read }: LogSource,
  stopping: AbortSignal,
): Promise<number> {
  const now = new Date();
  const cursor = await readCursor(name);
  let found = 0;
  let seenUntil = now;
  if (cursor !== null) {
    const since = Math.max(cursor.seenUntil.getTime() - overlapMs, now.getTime() - logMs);
    const logged = await list(new Date(since));
    for (const { at, event, guid, id } of findMissed(logged, events, now)) {
      if (stopping.aborted) return found;
      const fields = { ...about, deliveryId: guid, event };
      try {
        const payload = (await read(id)) as Record<string, unknown>;
        if (!isWanted(event, payload)) continue;
        if (!(await keep({ id: guid, event, payload, at }))) continue;
        found++;
        log("info", fields, "A missed delivery was found");
      } catch (error) {
        if (error instanceof DeputyError && error.retryAt !== null) throw error;
        // It keeps no later one from being read, and is asked for until GitHub's log has it no more.
        if (at < seenUntil) seenUntil = at;
        const { message } = error as Error;
        log("warn", { ...fields, err: error }, `A missed delivery was not read: ${message}`);
      }
    }
  }
  await writeCursor(name, { seenUntil, etag: null });
  return found;
}
