import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { gather } from "../../core/base/gather.ts";
import type { Db } from "./schema.ts";

/**
 * Sends notifications to all processes, after what they are about was committed. A transaction that
 * notifies holds a lock of the whole server while it commits, so with a NOTIFY in each transition one
 * commit would wait for the next one's disk write. Notifications that arrive while a statement is under
 * way, or shortly after, share the next one, which does not wait for the disk. While the database is
 * away they are kept. One that is lost with a process costs time, never work: whoever listens also looks
 * by itself.
 */
export type Notify = {
  (messages: Iterable<string>): void;
  stop(): void;
};

export function makeNotify(db: Db): Notify {
  let isStopped = false;
  const send = gather(async (lists: string[][]) => {
    const messages = [...new Set(lists.flat())];
    await sql`
      select pg_notify('deputy', message), set_config('synchronous_commit', 'off', true)
        from unnest(${messages}::text[]) as message`.execute(db);
    await sleep(pauseMs, undefined, { ref: false }); // what arrives meanwhile shares the next one
    return lists;
  }, maxBatch);
  const notify = (messages: Iterable<string>) => {
    const list = [...messages];
    if (list.length === 0 || isStopped) return;
    send(list).catch(() => setTimeout(() => notify(list), retryMs).unref());
  };
  return Object.assign(notify, {
    stop: () => {
      isStopped = true;
    },
  });
}

const maxBatch = 1_000;
const pauseMs = 50;
const retryMs = 1_000;
