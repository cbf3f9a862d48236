import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, read } from "../../data/api.ts";
import { usePage } from "../../data/page-context.ts";
import { type Filter, pageSize, readTasks, type TaskPage, withStates } from "./task-list.ts";

/**
 * The tasks of a filter. A change on the stream is shown at once by the state it carries; what is
 * shown is read again at most every two seconds, so that the work depends on what is shown, not on
 * how much happens.
 */
const readAgainMs = 2_000;

export function useTasks(filter: Filter) {
  const { live } = usePage();
  const key = JSON.stringify(filter);
  const [state, setState] = useState<{
    key: string;
    page: TaskPage | null;
    problem: ApiError | null;
  }>({ key, page: null, problem: null });
  const [count, setCount] = useState(pageSize);
  const [loading, setLoading] = useState(true);
  const reading = useRef<AbortController | null>(null);

  const refresh = useCallback(async () => {
    reading.current?.abort();
    const own = new AbortController();
    reading.current = own;
    setLoading(true);
    try {
      const page = await readTasks(
        (path) => read<TaskPage>(path, own.signal),
        JSON.parse(key) as Filter,
        count,
      );
      if (!own.signal.aborted) setState({ key, page, problem: null });
    } catch (error) {
      if (own.signal.aborted) return;
      const problem = error instanceof ApiError ? error : new ApiError(0, String(error));
      setState((before) => ({ key, page: before.key === key ? before.page : null, problem }));
    }
    setLoading(false);
  }, [key, count]);

  useEffect(() => {
    void refresh();
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const unfollow = live.follow((change) => {
      if (change !== "all")
        setState((before) => {
          if (before.page === null) return before;
          const tasks = withStates(before.page.tasks, change.states);
          return tasks === before.page.tasks
            ? before
            : { ...before, page: { ...before.page, tasks: [...tasks] } };
        });
      waiting ??= setTimeout(() => {
        waiting = undefined;
        void refresh();
      }, readAgainMs);
    });
    return () => {
      unfollow();
      clearTimeout(waiting);
      reading.current?.abort();
    };
  }, [refresh, live]);

  // Another filter begins at its first page.
  useEffect(() => setCount(pageSize), [key]);

  return {
    page: state.page,
    /** What is shown is another filter's, until this one's came. */
    isOld: state.key !== key,
    problem: state.problem,
    loading,
    refresh,
    more: () => setCount((before) => before + pageSize),
  };
}
