import { useCallback, useEffect, useState } from "preact/hooks";
import { read } from "../../data/api.ts";
import { usePage } from "../../data/page-context.ts";
import { useLiveReading } from "../../data/use-live-reading.ts";
import { type Filter, pageSize, readTasks, type TaskPage, withStates } from "./task-list.ts";

/**
 * The tasks of a filter. A change on the stream is shown at once by the state it carries; what is
 * shown is read again at most every two seconds, so that the work depends on what is shown, not on
 * how much happens.
 */
const readAgainMs = 2_000;

const always = () => true;

export function useTasks(filter: Filter) {
  const { live } = usePage();
  const key = JSON.stringify(filter);
  const [state, setState] = useState<{ key: string; page: TaskPage | null }>({ key, page: null });
  const [count, setCount] = useState(pageSize);

  const readOnce = useCallback(
    async (signal: AbortSignal) => {
      const wanted = JSON.parse(key) as Filter;
      const page = await readTasks((path) => read<TaskPage>(path, signal), wanted, count);
      signal.throwIfAborted();
      setState({ key, page });
    },
    [key, count],
  );
  const { again, problem, wasRead } = useLiveReading(readOnce, always, readAgainMs);

  useEffect(
    () =>
      live.follow((change) => {
        if (change === "all") return;
        setState((before) => {
          if (before.page === null) return before;
          const tasks = withStates(before.page.tasks, change.states);
          return tasks === before.page.tasks
            ? before
            : { ...before, page: { ...before.page, tasks: [...tasks] } };
        });
      }),
    [live],
  );

  // Another filter begins at its first page.
  useEffect(() => setCount(pageSize), [key]);

  const isOld = state.key !== key;
  return {
    page: isOld && problem ? null : state.page,
    /** What is shown is another filter's, until this one's came. */
    isOld,
    problem,
    loading: !wasRead,
    refresh: again,
    more: () => setCount((before) => before + pageSize),
  };
}
