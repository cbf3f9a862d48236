import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { gather } from "../../core/base/gather.ts";
import type { Db } from "./schema.ts";

/**
 * Notifications, sent after what they are about was committed: to listeners in this process at once, to
 * the other processes by PostgreSQL. A transaction that notifies holds a lock of the whole server while
 * it commits, so with a NOTIFY in each transition one commit would wait for the next one's disk write.
 * Notifications that arrive while a statement is under way, or shortly after, share the next one, which
 * does not wait for the disk. While the database is away they are kept. One that is lost with a process
 * costs time, never work: each listener also looks by itself.
 */
export type Notifier = {
  /** Stands before each message that PostgreSQL carries, so that the sender can tell its own. */
  sender: string;
  send(messages: Iterable<string>): void;
  /** Calls `listener` with what this process sends; returns how to stop that. */
  onSent(listener: (message: string) => void): () => void;
  /** Sends what is still kept, if the database answers; after that nothing is sent. */
  stop(): Promise<void>;
};

export function makeNotifier(db: Db): Notifier {
  const sender = randomUUID();
  const listeners = new Set<(message: string) => void>();
  const unsent = new Set<string>();
  let isStopped = false;
  const notify = async (messages: string[]) => {
    for (const message of messages) unsent.delete(message);
    try {
      await sql`
        select pg_notify('deputy', ${sender} || ' ' || message), set_config('synchronous_commit', 'off', true)
          from unnest(${messages}::text[]) as message`.execute(db);
    } catch (error) {
      for (const message of messages) unsent.add(message);
      throw error;
    }
  };
  const share = gather(async (lists: string[][]) => {
    const messages = [...new Set(lists.flat())];
    if (!isStopped) await notify(messages);
    await sleep(pauseMs, undefined, { ref: false }); // what arrives meanwhile shares the next one
    return lists;
  }, maxBatch);
  const sendToOthers = (messages: string[]) => {
    if (isStopped) return;
    for (const message of messages) unsent.add(message);
    share(messages).catch(() => setTimeout(() => sendToOthers(messages), retryMs).unref());
  };
  return {
    sender,
    send: (messages) => {
      const list = [...messages];
      if (list.length === 0) return;
      // In a turn of their own: the sender's transition is over by then, whatever a listener does.
      setImmediate(() => {
        for (const message of list) for (const listener of listeners) listener(message);
      });
      sendToOthers(list);
    },
    onSent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: async () => {
      isStopped = true;
      // Where the database is away, the others find out when they look.
      if (unsent.size > 0) await notify([...unsent]).catch(() => {});
    },
  };
}

const maxBatch = 1_000;
const pauseMs = 200;
const retryMs = 1_000;
