import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, read } from "../../../data/api.ts";
import { usePage } from "../../../data/page-context.ts";
import { taskPath } from "../task-path.ts";
import {
  addNewer,
  addOlder,
  emptyWindow,
  endOf,
  type LogPart,
  type LogWindow,
  leastBytes,
  olderRange,
  partBytes,
  startAt,
  startOf,
} from "./log-window.ts";

/** While the attempt runs its log is looked at so often; the stream tells only of events. */
const lookMs = 2_000;

/** The log of one attempt: its end first, older parts when they are asked for, new ones as they come. */
export function useLog(taskId: string, subtask: string, attempt: number, isRunning: boolean) {
  const { live } = usePage();
  const [window, setWindow] = useState<LogWindow>(emptyWindow);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [loaded, setLoaded] = useState(false);
  const [busy, setBusy] = useState(false);
  const current = useRef(window);
  const reading = useRef<Promise<void>>(Promise.resolve());
  /** The last reading failed: what the stream says next is a reason to read again. */
  const isLost = useRef(false);

  const readPart = useCallback(
    (from: number, bytes: number) => {
      const range = { from: String(from), bytes: String(Math.max(leastBytes, bytes)) };
      const which = { subtask, attempt: String(attempt), format: "json" };
      const query = new URLSearchParams({ ...which, ...range });
      return read<LogPart>(taskPath(taskId, `/log?${query}`));
    },
    [taskId, subtask, attempt],
  );

  /** One change after the other: each starts where the one before ended. */
  const change = useCallback((make: (now: LogWindow) => Promise<LogWindow>): Promise<void> => {
    reading.current = reading.current.then(async () => {
      try {
        current.current = await make(current.current);
        setWindow(current.current);
        setProblem(null);
        isLost.current = false;
      } catch (error) {
        isLost.current = true;
        setProblem(error instanceof ApiError ? error : new ApiError(0, String(error)));
      }
    });
    return reading.current;
  }, []);

  const readEnd = useCallback(
    () => change(async () => startAt(await readPart(-partBytes, partBytes))),
    [change, readPart],
  );
  const readNewer = useCallback(
    () =>
      change(async (now) =>
        now.chunks.length === 0
          ? startAt(await readPart(-partBytes, partBytes))
          : addNewer(now, await readPart(endOf(now), partBytes)),
      ),
    [change, readPart],
  );
  const readOlder = useCallback(async () => {
    setBusy(true);
    await change(async (now) => {
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
    });
    setBusy(false);
  }, [change, readPart]);

  useEffect(() => {
    void readEnd().then(() => setLoaded(true));
  }, [readEnd]);
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => void readNewer(), lookMs);
    return () => clearInterval(timer);
  }, [isRunning, readNewer]);
  useEffect(
    () =>
      live.follow((changed) => {
        if (isLost.current || changed === "all" || changed.tasks.includes(taskId)) void readNewer();
      }),
    [live, taskId, readNewer],
  );
  return { window, problem, loaded, busy, readOlder, readEnd };
}
