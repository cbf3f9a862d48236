import { useMemo, useState } from "preact/hooks";
import type { EventView } from "../../../../../src/api/event.ts";
import { type ApiError, read } from "../../../data/api.ts";
import { useLiveReading } from "../../../data/use-live-reading.ts";
import { taskPath } from "../task-path.ts";

/** So many are kept; of a longer story the page says that it is cut. */
const most = 20_000;
const pageSize = 1_000;

const none: readonly EventView[] = [];

/**
 * The events of a task, oldest first: all of them once, then only what is new, whenever the stream
 * names the task.
 */
export function useEvents(taskId: string): {
  events: readonly EventView[];
  problem: ApiError | null;
  loading: boolean;
  isCut: boolean;
  refresh: () => void;
} {
  const [known, setKnown] = useState({ taskId, events: none });
  const readOnce = useMemo(
    () =>
      readNew(taskId, (page) =>
        setKnown((before) => {
          const earlier = before.taskId === taskId ? before.events : none;
          return { taskId, events: [...earlier, ...page].slice(0, most) };
        }),
      ),
    [taskId],
  );
  const { again, problem, wasRead } = useLiveReading(readOnce, ({ tasks }) =>
    tasks.includes(taskId),
  );
  const events = known.taskId === taskId ? known.events : none;
  return { events, problem, loading: !wasRead, isCut: events.length >= most, refresh: again };
}

/** Each reading goes on where the last one ended. */
function readNew(taskId: string, add: (events: readonly EventView[]) => void) {
  let after = 0;
  return async (signal: AbortSignal): Promise<void> => {
    for (let count = 0; count < most; ) {
      const path = taskPath(taskId, `/events?after=${after}&limit=${pageSize}`);
      const { events } = await read<{ events: EventView[] }>(path, signal);
      signal.throwIfAborted();
      const last = events.at(-1);
      if (!last) return;
      after = last.seq;
      count += events.length;
      add(events);
      if (events.length < pageSize) return;
    }
  };
}
