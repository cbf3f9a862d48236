import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type EventView, eventWire } from "../api/event.ts";
import { lenient } from "../api/lenient.ts";
import { readUntil } from "../core/base/read-until.ts";
import { ApiError, connect, taskPath } from "./client.ts";
import { CliError, type CliIo, exitCodes } from "./io.ts";
import { parseSse } from "./parse-sse.ts";

const eventSchema = lenient(eventWire);
const endSchema = z.object({ state: z.string() });

/**
 * Follow a task's events to its end, across restarts of the daemon. A stream that closes without
 * `end` was cut: find the daemon again (it may listen elsewhere now) and continue after the last
 * event seen; no event is shown twice or missed. If the daemon stays away longer than `patienceMs`,
 * throws a CliError with exit code 3.
 */
export type FollowOptions = {
  /** Called for each event, with its raw JSON; the next one waits for it. */
  onEvent: (event: EventView, raw: string) => void | Promise<void>;
  /** The connection was lost, or is back. */
  onConnection: (state: "lost" | "back") => void;
  signal: AbortSignal;
  patienceMs?: number;
  /** After this many milliseconds without any data, heartbeats included, the connection is dead. */
  silenceMs?: number;
};

/** Returns the task's final state, or null if `signal` ended the watch. */
export async function followTask(
  io: Pick<CliIo, "env">,
  id: string,
  options: FollowOptions,
): Promise<string | null> {
  const { signal, patienceMs = 15 * 60_000, silenceMs = 60_000 } = options;
  const progress = { seq: 0 };
  let lostAt: number | null = null;
  let pauseMs = 250;
  const onOpen = () => {
    if (lostAt !== null) options.onConnection("back");
    lostAt = null;
    pauseMs = 250;
  };
  // The first connection must succeed, so that a user learns at once if there is no daemon.
  let connected = false;
  for (;;) {
    try {
      const state = await readOnce(io, id, progress, { ...options, silenceMs }, () => {
        connected = true;
        onOpen();
      });
      if (state !== null) return state;
    } catch (error) {
      if (signal.aborted) return null;
      const isAway = !(error instanceof ApiError) || error.status >= 500;
      if (!connected || !isAway) throw error;
    }
    if (signal.aborted) return null;
    if (lostAt !== null && Date.now() - lostAt > patienceMs) {
      throw new CliError(
        exitCodes.noDaemon,
        `The daemon did not come back; start it with "deputy up" and continue with: deputy watch ${id}`,
      );
    }
    if (lostAt === null) {
      lostAt = Date.now();
      options.onConnection("lost");
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => {}); // aborted: checked at the next turn
    pauseMs = Math.min(5_000, pauseMs * 2);
  }
}

/** One connection: returns the final state, or null if the stream was cut or `signal` fired. */
async function readOnce(
  io: Pick<CliIo, "env">,
  id: string,
  progress: { seq: number },
  options: FollowOptions & { silenceMs: number },
  onOpen: () => void,
): Promise<string | null> {
  const { signal, onEvent, silenceMs } = options;
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  const timer = setTimeout(leave, silenceMs);
  signal.addEventListener("abort", leave, { once: true });
  const read = async () => {
    const response = await connect(io).call("GET", taskPath(id, "/events"), {
      accept: "text/event-stream",
      headers: { "last-event-id": String(progress.seq) },
      signal: leaving.signal,
    });
    if (!response.body) return null;
    onOpen();
    const chunks = readUntil(response.body, leaving.signal);
    for await (const { event, data } of parseSse(chunks, () => timer.refresh())) {
      if (event === "end") return endSchema.parse(JSON.parse(data)).state;
      const parsed = eventSchema.parse(JSON.parse(data));
      progress.seq = parsed.seq;
      await onEvent(parsed, data);
    }
    return null;
  };
  const left = new Promise<null>((resolve) => {
    leaving.signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  try {
    // An abort returns at once, without waiting for the connection.
    return signal.aborted ? null : await Promise.race([read(), left]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    leave(); // closes a connection that has not ended
  }
}
