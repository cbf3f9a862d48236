import type { RoleRequest, Session } from "./agents/agent.ts";
import { DeputyError } from "./core/error.ts";
import { newId } from "./core/id.ts";
import { listUnheard, markHeard } from "./store/said.ts";
import type { Db } from "./store/schema.ts";
import { appendEntries, beginSession, setExternalId, takeSession } from "./store/sessions.ts";
import { snapshotWorktree } from "./worktree/snapshot.ts";

/**
 * An agent's memory on the database: what is appended is there after a `kill -9`, together with the
 * worktree that belongs to it. The row is made by the first entry: a run that remembers nothing
 * leaves nothing.
 */
export type OpenSession = Session & {
  /** What a person said that was not told yet; it counts as told with the next entry that is stored. */
  heard(): Promise<string[]>;
  /** Null until there is something to go on with. */
  id(): string | null;
  /** What its folder is called: its id, whether it is stored yet or not. */
  readonly name: string;
};

export type SessionOptions = Pick<RoleRequest, "about" | "role" | "worktree" | "gitDir"> & {
  agent: string;
  sessionId: string | null;
  /** Checkpoints are commits on this one. */
  baseCommit: string;
};

export async function openSession(db: Db, options: SessionOptions): Promise<OpenSession> {
  const { about } = options;
  const { attemptId, subtaskId, taskId } = about;
  const taken = options.sessionId ? await takeSession(db, options.sessionId, attemptId) : null;
  let id = taken?.session.id ?? null;
  const name = id ?? newId("session");
  let externalId = taken?.session.externalId ?? null;
  let checkpoint = taken?.session.checkpointCommit ?? options.baseCommit;
  const entries: unknown[] = taken?.entries ?? [];
  const told: string[] = [];
  const ref = `refs/deputy/checkpoints/${attemptId ?? taskId}`;

  const begin = async (): Promise<string> => {
    if (id) return id;
    await beginSession(db, { ...about, id: name, role: options.role, agent: options.agent });
    id = name;
    return name;
  };

  /** The worktree as a commit; null when it is what the last checkpoint was. */
  const keepWorktree = async (): Promise<string | null> => {
    const snapshot = await snapshotWorktree({ gitDir: options.gitDir }, options.worktree, {
      parent: options.baseCommit,
      message: `Checkpoint of ${attemptId ?? taskId}`,
      ref,
    });
    if (snapshot.commit === checkpoint) return null;
    checkpoint = snapshot.commit;
    return snapshot.commit;
  };

  const store = async (added: readonly unknown[], commit: string | null): Promise<void> => {
    const to = { sessionId: await begin(), attemptId, position: entries.length };
    if (!(await appendEntries(db, to, added, commit))) {
      throw new DeputyError("conflict", `${to.sessionId} is gone on with by another attempt.`);
    }
    entries.push(...added);
    await markHeard(db, told.splice(0));
  };

  // One after the other: a position belongs to one entry.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work);
    last = next.catch(() => {}); // whoever asked hears of it
    return next;
  };

  return {
    entries,
    append: (added, { checkpoint: isKept } = { checkpoint: false }) =>
      inTurn(async () => store(added, isKept ? await keepWorktree() : null)),
    checkpoint: () =>
      inTurn(async () => {
        const commit = await keepWorktree();
        if (commit) await store([], commit);
      }),
    get externalId() {
      return externalId;
    },
    keepExternalId: (told) =>
      inTurn(async () => {
        if (told === externalId) return;
        await setExternalId(db, await begin(), told);
        externalId = told;
      }),
    heard: async () => {
      // Who reviews the work is not told what its author is told.
      if (!subtaskId || !attemptId) return [];
      const said = await listUnheard(db, subtaskId);
      const fresh = said.filter((message) => !told.includes(message.id));
      told.push(...fresh.map((message) => message.id));
      return fresh.map(({ text }) => text);
    },
    id: () => id,
    name,
  };
}
