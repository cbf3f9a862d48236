import { setTimeout as sleep } from "node:timers/promises";
import type { NtfyServer } from "./ask-ntfy.ts";
import { readTopic, TopicRefused } from "./read-topic.ts";

/**
 * Reads a topic for as long as the daemon lives, from where it was read last: first what has gathered
 * (a poll that ends), then the stream. `keep` stores how far it was read, after a message was dealt
 * with and never before, so a message is lost by no crash; it may come twice. A broken connection is
 * made again with a growing pause, a refused one every few minutes.
 */
export type FollowOptions = {
  server: NtfyServer;
  topic: string;
  /** Null: from the beginning of what the server has. */
  readLast: () => Promise<string | null>;
  keep: (lastId: string) => Promise<void>;
  /** Returns whether the message mattered: then how far it was read is stored at once. */
  onMessage: (id: string, text: string) => Promise<boolean>;
  onJunk: () => void;
  /** Null: it is read again. */
  onTrouble: (error: Error | null) => void;
  pauses?: Partial<Pauses>;
};

type Pauses = { firstMs: number; mostMs: number; refusedMs: number; silenceMs: number };
const defaultPauses: Pauses = {
  ...{ firstMs: 1_000, mostMs: 5 * 60_000, refusedMs: 5 * 60_000 },
  // ntfy sends a sign of life every 45 s.
  silenceMs: 90_000,
};

export function followTopic(options: FollowOptions): { stop(): Promise<void> } {
  const pauses = { ...defaultPauses, ...options.pauses };
  const stopping = new AbortController();
  const { signal } = stopping;
  let failures = 0;

  const read = async (poll: boolean, last: { id: string | null; isKept: boolean }) => {
    const keep = async () => {
      if (last.id !== null && !last.isKept) await options.keep(last.id);
      last.isKept = true;
    };
    const about = { topic: options.topic, since: last.id ?? "all", poll };
    for await (const line of readTopic(options.server, about, { signal, ...pauses })) {
      if (failures > 0) options.onTrouble(null);
      failures = 0;
      if (line.kind === "junk") options.onJunk();
      if (line.kind === "quiet") await keep();
      if (line.kind !== "message") continue;
      const mattered = await options.onMessage(line.id, line.text);
      Object.assign(last, { id: line.id, isKept: false });
      if (mattered) await keep();
    }
    await keep();
  };
  const follow = async () => {
    while (!signal.aborted) {
      try {
        const last = { id: await options.readLast(), isKept: true };
        await read(true, last);
        await read(false, last);
        await pause(pauses.firstMs, signal); // the server ended it: it restarts
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        options.onTrouble(error as Error);
        const grown = Math.min(pauses.mostMs, pauses.firstMs * 2 ** Math.min(failures - 1, 20));
        const fullMs = error instanceof TopicRefused ? pauses.refusedMs : grown;
        await pause(fullMs / 2 + (fullMs / 2) * Math.random(), signal);
      }
    }
  };
  const running = follow();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {}); // stopped
}
