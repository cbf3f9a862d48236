import { useCallback, useState } from "preact/hooks";
import { type ApiError, read } from "./api.ts";
import type { Change } from "./live.ts";
import { useLiveReading } from "./use-live-reading.ts";

export type Resource<Body> = {
  /** Null until it was read once; kept while it is read again, and when that fails. */
  data: Body | null;
  /** Why the last reading failed; null: it did not. */
  problem: ApiError | null;
  refresh(): void;
};

/**
 * What GET `path` answers, read again when the stream names a change that `concerns` it. A `path` of
 * null reads nothing.
 */
export function useResource<Body>(
  path: string | null,
  concerns: (change: Exclude<Change, "all">) => boolean = () => false,
): Resource<Body> {
  const [state, setState] = useState<{ path: string | null; data: Body | null }>({
    path,
    data: null,
  });
  const readOnce = useCallback(
    async (signal: AbortSignal) => {
      if (path === null) return;
      const data = await read<Body>(path, signal);
      signal.throwIfAborted();
      setState({ path, data });
    },
    [path],
  );
  const { again, problem } = useLiveReading(path === null ? null : readOnce, concerns);
  // Another path's body is not this one's.
  return { data: state.path === path ? state.data : null, problem, refresh: again };
}
