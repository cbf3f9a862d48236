/**
 * What was read of a commit lately. A commit never changes, and the same few files of the same base
 * are asked for by every task that starts there, at planning, at each verdict and at each gate. The
 * least recently used goes first; together they stay below a few megabytes.
 */
export type KeptReads<Value> = (key: string, read: () => Promise<Value>) => Promise<Value>;

export function keepReads<Value>(
  sizeOf: (value: Value) => number,
  maxSize = 4 * 1024 * 1024,
): KeptReads<Value> {
  const kept = new Map<string, { value: Promise<Value>; size: number }>();
  let total = 0;
  const forget = (key: string) => {
    total -= kept.get(key)?.size ?? 0;
    kept.delete(key);
  };
  return (key, read) => {
    const known = kept.get(key);
    if (known) {
      kept.delete(key);
      kept.set(key, known); // the last of the line again
      return known.value;
    }
    const entry = { value: read(), size: 0 };
    kept.set(key, entry);
    entry.value.then(
      (value) => {
        if (kept.get(key) !== entry) return;
        entry.size = sizeOf(value) + key.length;
        total += entry.size;
        for (const oldest of kept.keys()) {
          if (total <= maxSize) break;
          forget(oldest);
        }
      },
      () => {
        if (kept.get(key) === entry) forget(key); // whoever asked gets the error
      },
    );
    return entry.value;
  };
}

/** Whether a commit is named so that it can never be another one. Nothing else may be a key. */
export function isFullId(commit: string): boolean {
  return /^[0-9a-f]{40}$/.test(commit);
}
