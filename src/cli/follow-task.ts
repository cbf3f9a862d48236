import { setTimeout as sleep } from "node:timers/promises";
import { readUntil } from "../core/base/read-until.ts";
import { type EventView, endSchema, eventSchema } from "./api.ts";
import { ApiError, connect } from "./client.ts";
import { CliError, type CliIo, exitCodes } from "./io.ts";
import { parseSse } from "./parse-sse.ts";

/**
 * Follow a task's events to its end, across restarts of the daemon: a stream that closes without
 * `end` was cut, so find the daemon again (it may listen elsewhere now) and go on after the last
 * event that was seen; none is shown twice, none is missed. A daemon that stays away longer than
 * `patienceMs` ends it with exit code 3.
 */
export type FollowOptions = {
  /** Called for each event, with the JSON as it came. */
  onEvent: (event: EventView, raw: string) => void;
  /** The connection was lost, or is back. */
  onConnection: (state: "lost" | "back") => void;
  signal: AbortSignal;
  patienceMs?: number;
  /** Nothing at all for this long, heartbeats included, means that the connection is dead. */
  silenceMs?: number;
};

/** Returns the state that the task ended in, or null when `signal` ended the watch. */
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
  // The first connection must succeed: whoever asks to watch wants to know that nobody answers.
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
        `The daemon did not come back; start it with "deputy up" and go on with: deputy watch ${id}`,
      );
    }
    if (lostAt === null) {
      lostAt = Date.now();
      options.onConnection("lost");
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => {}); // aborted: seen at the next turn
    pauseMs = Math.min(5_000, pauseMs * 2);
  }
}

/** One connection: returns the final state, or null when the stream was cut or `signal` says to leave. */
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
    const response = await connect(io).call("GET", `/v1/tasks/${encodeURIComponent(id)}/events`, {
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
      onEvent(parsed, data);
    }
    return null;
  };
  const left = new Promise<null>((resolve) => {
    leaving.signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  try {
    // Whoever leaves has left: nothing that a connection still does is waited for.
    return signal.aborted ? null : await Promise.race([read(), left]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    leave(); // lets go of the connection when we leave before its end
  }
}
