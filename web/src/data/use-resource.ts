import { useCallback, useContext, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, read } from "./api.ts";
import type { Change } from "./live.ts";
import { PageContext } from "./page-context.ts";

export type Resource<Body> = {
  /** Null until it was read once; kept while it is read again, and when that fails. */
  data: Body | null;
  /** Why the last reading failed; null: it did not. */
  problem: ApiError | null;
  loading: boolean;
  refresh(): void;
};

/** Changes that come close together are one reading. */
const coalesceMs = 250;

/**
 * What GET `path` answers, read again when the stream names a change that `concerns` it, and, if the
 * daemon did not answer, when the stream says anything at all. A `path` of null reads nothing.
 */
export function useResource<Body>(
  path: string | null,
  concerns: (change: Exclude<Change, "all">) => boolean = () => false,
): Resource<Body> {
  const { live } = useContext(PageContext);
  const [state, setState] = useState<{
    path: string | null;
    data: Body | null;
    problem: ApiError | null;
  }>({ path, data: null, problem: null });
  const [loading, setLoading] = useState(path !== null);
  const reading = useRef<AbortController | null>(null);
  /** The daemon did not answer, or could not: what it says next is a reason to ask again. */
  const isLost = useRef(false);
  const relevant = useRef(concerns);
  relevant.current = concerns;

  const refresh = useCallback(() => {
    if (path === null) return;
    reading.current?.abort();
    const own = new AbortController();
    reading.current = own;
    setLoading(true);
    read<Body>(path, own.signal).then(
      (data) => {
        if (own.signal.aborted) return;
        isLost.current = false;
        setState({ path, data, problem: null });
        setLoading(false);
      },
      (error: unknown) => {
        if (own.signal.aborted) return;
        const problem = error instanceof ApiError ? error : new ApiError(0, String(error));
        isLost.current = problem.status === 0 || problem.status >= 500;
        setState((before) => ({ path, data: before.path === path ? before.data : null, problem }));
        setLoading(false);
      },
    );
  }, [path]);

  useEffect(() => {
    refresh();
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const unfollow = live.follow((change) => {
      if (change !== "all" && !isLost.current && !relevant.current(change)) return;
      waiting ??= setTimeout(() => {
        waiting = undefined;
        refresh();
      }, coalesceMs);
    });
    return () => {
      unfollow();
      clearTimeout(waiting);
      reading.current?.abort();
    };
  }, [refresh, live]);

  const own = state.path === path; // another path's body is not this one's
  return { data: own ? state.data : null, problem: own ? state.problem : null, loading, refresh };
}
