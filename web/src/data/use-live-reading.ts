import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api.ts";
import type { Change } from "./live.ts";
import { type LiveReading, startLiveReading } from "./live-reading.ts";
import { PageContext } from "./page-context.ts";

/**
 * Calls `readOnce`, and again when the stream names a change that `concerns` it. It puts what it read
 * where it belongs, after `signal.throwIfAborted()`; another function is another reading, null is none.
 */
export function useLiveReading(
  readOnce: ((signal: AbortSignal) => Promise<void>) | null,
  concerns: (change: Exclude<Change, "all">) => boolean,
  coalesceMs = 250,
): {
  /** Why the last reading failed; null: it did not. */
  problem: ApiError | null;
  /** Whether one ended, well or not. */
  wasRead: boolean;
  again(): void;
} {
  const { live } = useContext(PageContext);
  const [ended, setEnded] = useState<{ of: unknown; problem: ApiError | null }>({
    of: null,
    problem: null,
  });
  const reading = useRef<LiveReading | null>(null);
  const relevant = useRef(concerns);
  relevant.current = concerns;

  useEffect(() => {
    if (readOnce === null) return;
    const own = startLiveReading(async (signal) => {
      const problem = await readOnce(signal).then(() => null, toProblem);
      if (problem === "stopped") return "done";
      setEnded((before) =>
        before.of === readOnce && before.problem === problem ? before : { of: readOnce, problem },
      );
      return problem && (problem.status === 0 || problem.status >= 500) ? "lost" : "done";
    }, coalesceMs);
    reading.current = own;
    own.again();
    const unfollow = live.follow((change) =>
      own.heard(change === "all" || relevant.current(change)),
    );
    // Beats change nothing, and yet say that the daemon is there.
    const unfollowState = live.state.follow(({ link }) => {
      if (link === "live") own.heard(false);
    });
    return () => {
      unfollow();
      unfollowState();
      own.stop();
    };
  }, [readOnce, coalesceMs, live]);

  const again = useCallback(() => reading.current?.again(), []);
  const isOwn = readOnce !== null && ended.of === readOnce;
  return { problem: isOwn ? ended.problem : null, wasRead: isOwn, again };
}

function toProblem(error: unknown): ApiError | "stopped" {
  if (error instanceof ApiError) return error;
  if (error instanceof DOMException && error.name === "AbortError") return "stopped";
  return new ApiError(0, error instanceof Error ? error.message : String(error));
}
