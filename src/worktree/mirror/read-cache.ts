import { LRUCache } from "lru-cache";

/**
 * Caches values read from commits, so that git is asked once. A commit never changes, and every
 * task on a base reads the same few files of it: at planning, at each verdict and at each gate.
 * Concurrent reads of the same key share one call; a failed read is not cached.
 */
export type ReadCache = {
  /** `kind` and `key` identify the value; `sizeOf` returns its approximate size in bytes. */
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
    ignoreFetchAbort: true, // a value evicted while it is read is still returned
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
