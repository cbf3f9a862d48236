import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, read } from "../../../data/api.ts";
import { useLiveReading } from "../../../data/use-live-reading.ts";
import { taskPath } from "../task-path.ts";
import {
  addOlder,
  emptyWindow,
  type LogPart,
  type LogWindow,
  leastBytes,
  olderRange,
  partBytes,
  readOn,
  startAt,
  startOf,
} from "./log-window.ts";

/** While the attempt runs its log is looked at so often; the stream tells only of events. */
const lookMs = 2_000;

type Which = { taskId: string; subtask: string; attempt: number; isRunning: boolean };

/**
 * The log of one attempt: its end first, older parts when they are asked for, new ones as they come.
 * The window of somebody who does not follow the end grows, and loses nothing in front.
 */
export function useLog({ taskId, subtask, attempt, isRunning }: Which, isFollowing: boolean) {
  const [window, setWindow] = useState<LogWindow>(emptyWindow);
  const [busy, setBusy] = useState(false);
  const [olderProblem, setOlderProblem] = useState<ApiError | null>(null);
  const current = useRef(window);
  const turn = useRef<Promise<unknown>>(Promise.resolve());
  const wantsEnd = useRef(false);
  const follows = useRef(isFollowing);
  follows.current = isFollowing;
  const ending = useRef(new AbortController());
  useEffect(() => () => ending.current.abort(), []);

  const readPart = useCallback(
    (signal: AbortSignal) => (from: number, bytes: number) => {
      const range = { from: String(from), bytes: String(Math.max(leastBytes, bytes)) };
      const which = { subtask, attempt: String(attempt), format: "json" };
      const query = new URLSearchParams({ ...which, ...range });
      return read<LogPart>(taskPath(taskId, `/log?${query}`), signal);
    },
    [taskId, subtask, attempt],
  );

  /** One change after the other: each starts where the one before ended. */
  const change = useCallback((make: (now: LogWindow) => Promise<LogWindow>): Promise<void> => {
    const own = turn.current.then(async () => {
      current.current = await make(current.current);
      setWindow(current.current);
    });
    turn.current = own.catch(() => null); // whoever asked for it says so
    return own;
  }, []);

  const readOnce = useCallback(
    (signal: AbortSignal) =>
      change(async (now) => {
        const part = readPart(signal);
        const next = wantsEnd.current
          ? startAt(await part(-partBytes, partBytes))
          : await readOn(now, part, () => follows.current);
        signal.throwIfAborted();
        wantsEnd.current = false;
        return next;
      }),
    [change, readPart],
  );
  const { again, problem, wasRead } = useLiveReading(readOnce, ({ tasks }) =>
    tasks.includes(taskId),
  );
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(again, lookMs);
    return () => clearInterval(timer);
  }, [isRunning, again]);

  const readEnd = useCallback(() => {
    wantsEnd.current = true;
    again();
  }, [again]);
  const readOlder = useCallback(async () => {
    const { signal } = ending.current;
    setBusy(true);
    try {
      await change((now) => readBefore(now, readPart(signal)));
      setOlderProblem(null);
    } catch (error) {
      if (signal.aborted) return;
      setOlderProblem(error instanceof ApiError ? error : new ApiError(0, String(error)));
    }
    setBusy(false);
  }, [change, readPart]);

  return { window, problem: problem ?? olderProblem, loaded: wasRead, busy, readOlder, readEnd };
}

async function readBefore(
  now: LogWindow,
  readPart: (from: number, bytes: number) => Promise<LogPart>,
): Promise<LogWindow> {
  const parts: LogPart[] = [];
  const start = startOf(now);
  // A part ends with a whole line, so what leads up to the start may take more than one.
  for (let at = olderRange(now)?.from ?? start; at < start; ) {
    const part = await readPart(at, start - at);
    if (part.to <= at) return now; // it was removed meanwhile
    parts.push(part);
    at = part.to;
  }
  return addOlder(now, parts);
}
