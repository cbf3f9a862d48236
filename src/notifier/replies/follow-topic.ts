import type { NtfyServer } from "./ask-ntfy.ts";
import { defaultPauses, type Following, keepFollowing, type Pauses } from "./keep-following.ts";
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
  pauses?: Partial<Pauses & { silenceMs: number }>;
};

/** ntfy sends a sign of life every 45 s. */
const silenceMs = 90_000;

export function followTopic(options: FollowOptions): Following {
  const pauses = { ...defaultPauses, silenceMs, ...options.pauses };
  return keepFollowing({
    pauses,
    onTrouble: (error) => options.onTrouble(error as Error | null),
    isRefused: (error) => error instanceof TopicRefused,
    follow: async (signal, heard) => {
      const last = { id: await options.readLast(), isKept: true };
      const keep = async () => {
        if (last.id !== null && !last.isKept) await options.keep(last.id);
        last.isKept = true;
      };
      for (const poll of [true, false]) {
        const about = { topic: options.topic, since: last.id ?? "all", poll };
        for await (const line of readTopic(options.server, about, { signal, ...pauses })) {
          heard();
          if (line.kind === "junk") options.onJunk();
          if (line.kind === "quiet") await keep();
          if (line.kind !== "message") continue;
          const mattered = await options.onMessage(line.id, line.text);
          Object.assign(last, { id: line.id, isKept: false });
          if (mattered) await keep();
        }
        await keep();
      }
      return pauses.firstMs; // the server ended it: it restarts
    },
  });
}
