import { LRUCache } from "lru-cache";

/**
 * What was read of commits lately, so that git is asked once. A commit never changes, and every task
 * that starts at a base reads the same few files of it: at planning, at each verdict and at each gate.
 * Concurrent reads of the same key share one call; a read that fails is not kept.
 */
export type ReadCache = {
  /** `kind` and `key` name the value; `sizeOf` is its size in bytes, about. */
  read<Value extends Exclude<unknown, undefined>>(
    kind: string,
    key: string,
    sizeOf: (value: Value) => number,
    read: () => Promise<Value>,
  ): Promise<Value>;
};

type Entry = { value: unknown; size: number };

export function makeReadCache(maxBytes = 8 * 1024 * 1024): ReadCache {
  const cache = new LRUCache<string, Entry, () => Promise<Entry>>({
    maxSize: maxBytes,
    sizeCalculation: ({ size }, key) => size + key.length + 1,
    ignoreFetchAbort: true, // a value that is evicted while it is read is returned all the same
    fetchMethod: (_key, _stale, { context }) => context(),
  });
  return {
    read: async <Value>(
      kind: string,
      key: string,
      sizeOf: (value: Value) => number,
      read: () => Promise<Value>,
    ) => {
      const context = async () => {
        const value = await read();
        return { value, size: sizeOf(value) };
      };
      const entry = await cache.forceFetch(`${kind}\n${key}`, { context });
      return entry.value as Value;
    },
  };
}

/** Whether the text is the full id of a commit, which can never name another one. */
export function isFullId(commit: string): boolean {
  return /^[0-9a-f]{40}$/.test(commit);
}
