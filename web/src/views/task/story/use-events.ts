import { useEffect, useRef, useState } from "preact/hooks";
import type { EventView } from "../../../../../src/api/event.ts";
import { ApiError, read } from "../../../data/api.ts";
import { usePage } from "../../../data/page-context.ts";
import { taskPath } from "../task-path.ts";

/** So many are kept; of a longer story the page says that it is cut. */
const most = 20_000;
const pageSize = 1_000;

/**
 * The events of a task, oldest first: all of them once, then only what is new, whenever the stream
 * names the task.
 */
export function useEvents(taskId: string): {
  events: readonly EventView[];
  problem: ApiError | null;
  loading: boolean;
  isCut: boolean;
} {
  const { live } = usePage();
  const [events, setEvents] = useState<readonly EventView[]>([]);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [loading, setLoading] = useState(true);
  const after = useRef(0);

  useEffect(() => {
    const ending = new AbortController();
    let reading = false;
    let again = false;
    after.current = 0;
    setEvents([]);
    const load = async () => {
      if (reading) {
        again = true;
        return;
      }
      reading = true;
      try {
        do {
          again = false;
          await readNew(taskId, after, ending.signal, (page) =>
            setEvents((known) => [...known, ...page].slice(0, most)),
          );
          setProblem(null);
        } while (again);
      } catch (error) {
        if (!ending.signal.aborted)
          setProblem(error instanceof ApiError ? error : new ApiError(0, String(error)));
      } finally {
        reading = false;
        if (!ending.signal.aborted) setLoading(false);
      }
    };
    void load();
    const unfollow = live.follow((change) => {
      if (change === "all" || change.tasks.includes(taskId)) void load();
    });
    return () => {
      unfollow();
      ending.abort();
    };
  }, [taskId, live]);
  return { events, problem, loading, isCut: events.length >= most };
}

async function readNew(
  taskId: string,
  after: { current: number },
  signal: AbortSignal,
  add: (events: EventView[]) => void,
): Promise<void> {
  for (let count = 0; count < most; ) {
    const path = taskPath(taskId, `/events?after=${after.current}&limit=${pageSize}`);
    const page = await read<{ events: EventView[] }>(path, signal);
    const last = page.events.at(-1);
    if (!last) return;
    after.current = last.seq;
    count += page.events.length;
    add(page.events);
    if (page.events.length < pageSize) return;
  }
}
