import type { RoleRequest, Session } from "../agents/agent.ts";
import { DeputyError } from "../core/base/error.ts";
import { newId } from "../core/base/id.ts";
import { wordsOf } from "../core/task/message.ts";
import { waitOut } from "../store/database/outage.ts";
import type { Db } from "../store/database/schema.ts";
import {
  listPendingMessages,
  markDelivered,
  type PendingMessage,
} from "../store/records/messages.ts";
import {
  appendEntries,
  beginSession,
  leaveSession,
  setExternalId,
  takeSession,
  wereAppended,
} from "../store/records/sessions.ts";
import { openWorktreeKeeper } from "../worktree/commits/keep-worktree.ts";
import { type Mirror, pinRef } from "../worktree/mirror/mirror.ts";

/**
 * An agent's session in the database: appended entries survive a `kill -9`, together with the
 * worktree that belongs to them. The first entry creates the row: no entries leave nothing. While the
 * database is away, the session waits for it.
 */
export type OpenSession = Session & {
  /** Takes the pending messages; they count as delivered with the next entry that is stored. */
  takeMessages(): Promise<string[]>;
  /** The messages were not delivered after all: the next `takeMessages` returns them again. */
  returnMessages(texts: readonly string[]): void;
  /**
   * Keeps the current worktree after all that was kept before, without a change to the session: an
   * agent may be in the middle of something. Returns whether anything had changed.
   */
  snapshot(): Promise<boolean>;
  /** The run is over: what was kept has its ref when this resolves. */
  close(): Promise<void>;
  /** Null until there is a session to resume. */
  id(): string | null;
  /** The name of its folder: its id, whether it is stored yet or not. */
  readonly name: string;
};

export type SessionOptions = Pick<
  RoleRequest,
  "about" | "asked" | "role" | "sparse" | "worktree"
> & {
  agent: string;
  mirror: Mirror;
  sessionId: string | null;
  /** Checkpoints are commits on this one. */
  baseCommit: string;
};

export async function openSession(db: Db, options: SessionOptions): Promise<OpenSession> {
  const { about } = options;
  const { attemptId, subtaskId, taskId } = about;
  const taken = options.sessionId
    ? await waitOut(() => takeSession(db, options.sessionId ?? "", attemptId))
    : null;
  let id = taken?.session.id ?? null;
  const name = id ?? newId("session");
  let externalId = taken?.session.externalId ?? null;
  let checkpoint = taken?.session.checkpointCommit ?? options.baseCommit;
  const entries: unknown[] = taken?.entries ?? [];
  let told: PendingMessage[] = [];
  /** The pending messages that storing the last entry returned, which saves a query. */
  let unheard: PendingMessage[] | null = null;
  const { mirror } = options;
  const keeper = openWorktreeKeeper(mirror, {
    path: options.worktree,
    base: options.baseCommit,
    last: checkpoint,
    message: `Checkpoint of ${attemptId ?? taskId}`,
    sparse: options.sparse,
  });
  const pin = openPin(options.baseCommit, (commit) =>
    pinRef(mirror, `refs/deputy/checkpoints/${attemptId ?? taskId}`, commit),
  );
  if (taken?.session.checkpointCommit) pin.later(checkpoint);

  const begin = async (): Promise<string> => {
    if (id) return id;
    const { agent, asked, role } = options;
    await waitOut(() => beginSession(db, { ...about, id: name, role, agent, asked }));
    id = name;
    return name;
  };

  /** The worktree as a commit; null when it equals the last checkpoint. */
  const keepWorktree = async (changed: readonly string[] | null): Promise<string | null> => {
    const commit = await keeper.keep(changed);
    return commit === checkpoint ? null : commit;
  };

  const store = async (
    added: readonly unknown[],
    commit: string | null,
    telling: readonly string[],
  ): Promise<void> => {
    const to = { sessionId: await begin(), attemptId, subtaskId, position: entries.length };
    const said = await waitOut(async (isAgain) => {
      const heard = await appendEntries(db, to, added, commit);
      if (heard || !isAgain || !(await wereAppended(db, to, added))) return heard;
      return subtaskId ? listPendingMessages(db, subtaskId) : [];
    });
    if (!said) {
      // A run that is no attempt is retried as a whole, and then finds what the other one stored.
      const code = attemptId ? "conflict" : "unavailable";
      throw new DeputyError(code, `${to.sessionId} is already continued by another attempt.`);
    }
    entries.push(...added);
    if (commit) {
      checkpoint = commit;
      pin.later(commit);
    }
    told = told.filter((message) => !telling.includes(message.id));
    unheard = said.filter((message) => !telling.includes(message.id));
    await waitOut(() => markDelivered(db, telling, attemptId));
  };

  // One after the other: a position belongs to one entry.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => {}); // the caller gets the error
    return next;
  };

  /** The messages delivered with these entries: a checkpoint alone delivers none. */
  const toldWith = (added: readonly unknown[]) =>
    added.length > 0 ? told.map((message) => message.id) : [];

  return {
    entries,
    append: (added, { checkpoint: isKept, changed = null } = { checkpoint: false }) => {
      const telling = toldWith(added);
      return inTurn(async () => store(added, isKept ? await keepWorktree(changed) : null, telling));
    },
    checkpoint: (added = []) => {
      const telling = toldWith(added);
      return inTurn(async () => {
        const commit = await keepWorktree(null);
        if (commit) await store(added, commit, telling);
        return commit !== null;
      });
    },
    snapshot: () =>
      inTurn(async () => {
        const commit = await keeper.keep(null);
        return pin.now(commit);
      }),
    close: async () => {
      await last;
      await pin.now(null);
    },
    forget: () =>
      inTurn(async () => {
        if (id && attemptId) await waitOut(() => leaveSession(db, attemptId));
        id = null;
      }),
    get externalId() {
      return externalId;
    },
    keepExternalId: (told) =>
      inTurn(async () => {
        if (told === externalId) return;
        const session = await begin();
        await waitOut(() => setExternalId(db, session, told));
        externalId = told;
      }),
    takeMessages: async () => {
      // Reviewers of the work do not receive the messages to its author.
      if (!subtaskId || !attemptId) return [];
      const said = unheard ?? (await listPendingMessages(db, subtaskId));
      unheard = null;
      const fresh = said.filter(({ id }) => !told.some((message) => message.id === id));
      told.push(...fresh);
      return fresh.map(wordsOf);
    },
    returnMessages: (texts) => {
      told = told.filter((message) => !texts.includes(wordsOf(message)));
    },
    id: () => id,
    name,
  };
}

/**
 * Pins what was kept; the newest holds all before it. Checkpoints are pinned a moment later, many at
 * once: their objects need no ref until then, because nothing younger than two weeks is collected.
 */
function openPin(base: string, pinNow: (commit: string) => Promise<void>) {
  let newest = base;
  let pinned = base;
  let timer: NodeJS.Timeout | undefined;
  // One after the other: an older one must not come last.
  let pinning: Promise<unknown> = Promise.resolve();
  /** Returns whether there was anything to pin. */
  const now = (commit: string | null): Promise<boolean> => {
    newest = commit ?? newest;
    clearTimeout(timer);
    timer = undefined;
    const done = pinning.then(async () => {
      const next = newest;
      if (next === pinned) return false;
      await pinNow(next);
      pinned = next;
      return true;
    });
    pinning = done.catch(() => {}); // the caller gets the error
    return done;
  };
  return {
    now,
    later: (commit: string): void => {
      newest = commit;
      // The session's row names it as well.
      timer ??= setTimeout(() => now(null).catch(() => {}), pinAfterMs).unref();
    },
  };
}

const pinAfterMs = 1_000;
